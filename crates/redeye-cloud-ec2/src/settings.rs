use redeye_cloud::{Hidden, Scope};
use rem_time::Span;

/// Which account and region, and how they are asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Under which names; the region is EC2's own name for it.
    pub scope: Scope,
    /// Which profile of `~/.aws`; without, the one of the environment.
    pub profile: Option<String>,
    /// Where it is asked, such as `http://127.0.0.1:5000`; without, where AWS is.
    pub endpoint: Option<String>,
    /// The credentials themselves; without, they are found as every tool of AWS does.
    pub keys: Option<Keys>,
    /// Whose images are listed: `self`, `amazon` or the number of an account.
    pub image_owners: Vec<String>,
    /// How long one request may take.
    pub patience: Span,
    /// How long what was made may not be seen yet.
    pub visible_within: Span,
    /// How long after it was sent something is first looked at.
    pub look_after: Span,
    /// Whether a plan asks EC2 itself, by a request that is marked as a dry run. Some
    /// imitations of EC2 do not know the mark, and do what is asked.
    pub dry_run: bool,
    /// How many requests there are at once.
    pub at_once: usize,
}

/// Credentials.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The key's id.
    pub id: String,
    /// What goes with it.
    pub secret: Hidden,
}

impl Settings {
    /// The usual ones: own images, 30 s for a request, 60 s until everybody sees what
    /// was made, 16 at once.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            profile: None,
            endpoint: None,
            keys: None,
            image_owners: vec!["self".into()],
            patience: Span::from_seconds(30),
            visible_within: Span::from_seconds(60),
            look_after: Span::from_seconds(1),
            dry_run: true,
            at_once: 16,
        }
    }
}
