use super::super::sample::*;
use super::*;

const ANNS: (&str, &str) = ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z");
const BOBS: (&str, &str) = ("2026-01-17T00:00:00Z", "2026-01-18T00:00:00Z");

fn offer(
    calendar: &Calendar,
    author: &str,
    give: Slot,
    to: &str,
    want: Option<Slot>,
) -> Result<Swap, SwapError> {
    let parts = (give, to.into(), want);
    let now = at("2026-01-06T00:00:00Z");
    let expires = at("2026-01-09T00:00:00Z");
    Swap::offer(
        calendar,
        SwapId(7),
        &author.into(),
        now,
        "wedding",
        parts,
        expires,
    )
}

fn ann_for_bob(calendar: &Calendar) -> Swap {
    let (give, want) = (slot("ann", ANNS.0, ANNS.1), slot("bob", BOBS.0, BOBS.1));
    offer(calendar, "ann", give, "bob", Some(want)).unwrap()
}

fn soon() -> Timestamp {
    at("2026-01-07T00:00:00Z")
}

fn on_call(calendar: &Calendar, when: &str) -> UserId {
    calendar.on_call(&"web".into(), at(when))[0].clone()
}

#[test]
fn an_accepted_swap_exchanges_both_shifts() {
    let calendar = calendar(vec![]);
    let accepted = ann_for_bob(&calendar)
        .accept(&calendar, &"bob".into(), soon())
        .unwrap();
    let (applied, edit) = accepted.apply(&calendar, soon()).unwrap();
    assert_eq!(applied.state, SwapState::Applied { at: soon() });
    assert_eq!(
        (edit.author.as_str(), edit.reason.as_str()),
        ("ann", "wedding")
    );
    let after = calendar.with(edit);
    assert_eq!(on_call(&after, "2026-01-10T12:00:00Z"), "bob".into());
    assert_eq!(on_call(&after, "2026-01-17T12:00:00Z"), "ann".into());
    assert_eq!(on_call(&after, "2026-01-11T12:00:00Z"), "ann".into());
    let again = applied.apply(&after, soon()).unwrap_err();
    assert_eq!(
        again.to_string(),
        "the swap is applied and cannot be applied"
    );
}

#[test]
fn an_offer_alone_changes_nothing() {
    let calendar = calendar(vec![]);
    let error = ann_for_bob(&calendar).apply(&calendar, soon()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the swap is offered and cannot be applied"
    );
}

#[test]
fn a_shift_can_be_given_away_for_nothing() {
    let calendar = calendar(vec![]);
    let gift = offer(&calendar, "ann", slot("ann", ANNS.0, ANNS.1), "cho", None).unwrap();
    let accepted = gift.accept(&calendar, &"cho".into(), soon()).unwrap();
    let after = calendar.with(accepted.apply(&calendar, soon()).unwrap().1);
    assert_eq!(on_call(&after, "2026-01-10T12:00:00Z"), "cho".into());
}

#[test]
fn a_swap_of_what_somebody_no_longer_owns_is_rejected_loudly() {
    let before = calendar(vec![]);
    let accepted = ann_for_bob(&before)
        .accept(&before, &"bob".into(), soon())
        .unwrap();
    let take = slot("cho", "2026-01-17T10:00:00Z", "2026-01-17T12:00:00Z");
    let after = before.with(edit(1, Change::Take { slot: take }));
    let error = accepted.apply(&after, soon()).unwrap_err();
    let why = "bob is not on call in web from 2026-01-17T00:00:00Z to 2026-01-18T00:00:00Z: \
               cho is from 2026-01-17T10:00:00Z";
    assert_eq!(error.to_string(), why);
    let rejected = accepted.rejected(soon(), &error);
    let why = why.to_owned();
    assert_eq!(rejected.state, SwapState::Rejected { at: soon(), why });
    assert!(!rejected.is_open());
}

#[test]
fn nobody_offers_what_is_not_theirs() {
    let calendar = calendar(vec![]);
    let bobs = slot("ann", BOBS.0, BOBS.1);
    let error = offer(&calendar, "ann", bobs, "cho", None).unwrap_err();
    assert!(matches!(error, SwapError::NotOwned { .. }), "{error}");
    let gap = slot("ann", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z");
    let error = offer(&calendar, "ann", gap, "cho", None).unwrap_err();
    assert!(matches!(error, SwapError::Over { .. }), "{error}");
    let anns = || slot("ann", ANNS.0, ANNS.1);
    let error = offer(&calendar, "cho", anns(), "bob", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cho has no say in this swap: it is between ann and bob"
    );
    let error = offer(&calendar, "ann", anns(), "ann", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a swap is between two people: ann and ann"
    );
    let third = Some(slot("bob", BOBS.0, BOBS.1));
    let error = offer(&calendar, "ann", anns(), "cho", third).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a swap is between two people: ann and bob"
    );
}

#[test]
fn only_those_in_it_and_admins_answer() {
    let calendar = calendar(vec![]);
    let offer = ann_for_bob(&calendar);
    let error = offer.accept(&calendar, &"ann".into(), soon()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ann has no say in this swap: it is between ann and bob"
    );
    assert!(offer.accept(&calendar, &"meg".into(), soon()).is_ok());
    let root = Author::of_site("root");
    assert!(offer.accept(&calendar, &root, soon()).is_ok());
    assert!(offer.decline(&calendar, &root, soon()).is_ok());
    assert!(offer.decline(&calendar, &"cho".into(), soon()).is_err());
    let declined = offer.decline(&calendar, &"ann".into(), soon()).unwrap();
    assert_eq!(declined.state.word(), "declined");
    let error = declined
        .accept(&calendar, &"bob".into(), soon())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the swap is declined and cannot be accepted"
    );
}

#[test]
fn an_offer_nobody_answers_expires() {
    let calendar = calendar(vec![]);
    let offer = ann_for_bob(&calendar);
    assert_eq!(offer.expired(soon()), None);
    let late = at("2026-01-09T00:00:00Z");
    let error = offer.accept(&calendar, &"bob".into(), late).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the offer expired at 2026-01-09T00:00:00Z"
    );
    let expired = offer.expired(late).unwrap();
    assert_eq!(expired.state, SwapState::Expired { at: late });
    assert_eq!(expired.expired(late), None);
}

#[test]
fn a_swap_that_began_does_not_rewrite_the_past() {
    let calendar = calendar(vec![]);
    let give = slot("ann", "2026-01-05T16:00:00Z", "2026-01-06T08:00:00Z");
    let swap = offer(&calendar, "ann", give, "cho", None).unwrap();
    let now = at("2026-01-06T04:00:00Z");
    let accepted = swap.accept(&calendar, &"cho".into(), now).unwrap();
    let after = calendar.with(accepted.apply(&calendar, now).unwrap().1);
    assert_eq!(on_call(&after, "2026-01-06T03:59:59Z"), "ann".into());
    assert_eq!(on_call(&after, "2026-01-06T04:00:00Z"), "cho".into());
}
