use std::fs;

use serde_json::json;

use super::{check, json as answer, run};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put(
        "far.yaml",
        "megavisor: far\nfunctions:\n  list_instances: {argv: [cat, instances.json]}\n",
    );
    put(
        "redeye-cloud.yaml",
        "data: data\nprices: prices.yaml\nmegavisors: {far: {file: far.yaml}}\n",
    );
    put(
        "prices.yaml",
        "currency: EUR\nmegavisors:\n  far:\n    instance: {small: 0.5, large: \"2.25\"}\n    stopped: {\"*\": 0}\n",
    );
    put(
        "instances.json",
        r#"[{"id": "m-1", "power": "on", "lifecycle": "active", "size": "small", "created": "2026-01-01T00:00:00Z"},
            {"id": "m-2", "power": "on", "lifecycle": "active", "size": "large", "created": "2026-01-01T00:00:00Z", "tags": {"team": "shop"}},
            {"id": "m-3", "power": "off", "lifecycle": "stopped", "size": "small", "created": "2026-01-01T00:00:00Z"},
            {"id": "m-4", "power": "on", "lifecycle": "active", "size": "odd"}]"#,
    );
    folder
}

#[test]
fn what_is_there_and_what_was_has_its_price() {
    let folder = folder();
    let here = folder.path();
    let bill = answer(here, "cost show --since 10h -o json");
    assert_eq!(bill["currency"], "EUR");
    assert_eq!(bill["hourly"], "2.75", "{bill}");
    assert_eq!(bill["amount"], "27.50");
    assert_eq!(bill["unknown"], 1, "odd has no price, which is not free");
    let sums = answer(here, "cost show --since 10h --by tag:team -o json");
    let shop =
        json!({"what": "shop", "things": 1, "hourly": "2.25", "amount": "22.50", "unknown": false});
    assert_eq!(sums["sums"][1], shop, "{sums}");
    let said = run(here, "cost show --since 10h").stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("EUR 27.50 since "), "{said}");
    assert!(said.contains("1 things have no price"), "{said}");
    // A machine that is gone stays on the bill.
    fs::write(here.join("instances.json"), "[]").unwrap();
    let gone = "cost show --since 10h --fresh -o json --query lines[?gone].id";
    // That all are gone at once is not believed at once.
    let output = run(here, gone);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("is not believed yet"), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "[]");
    fs::write(
        here.join("instances.json"),
        r#"[{"id": "m-2", "power": "on", "lifecycle": "active", "size": "large"},
            {"id": "m-3", "power": "off", "lifecycle": "stopped", "size": "small"},
            {"id": "m-4", "power": "on", "lifecycle": "active", "size": "odd"}]"#,
    )
    .unwrap();
    assert_eq!(answer(here, gone), json!(["m-1"]));
    let bill = answer(here, "cost show --since 10h -o json");
    assert_eq!(bill["hourly"], "2.25");
    assert!(
        bill["amount"].as_str().unwrap().starts_with("27."),
        "{bill}"
    );
}

#[test]
fn a_price_book_says_where_it_is_wrong() {
    let folder = folder();
    let here = folder.path();
    fs::write(
        here.join("prices.yaml"),
        "currency: EUR\nmegavisors:\n  far: {instance: {small: -1}, volumes: {}}\n",
    )
    .unwrap();
    let output = run(here, "instance list");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("prices.yaml:3:27: megavisors.far.instance.small: expected a price"),
        "{told}"
    );
    assert!(told.contains("unknown key volumes"), "{told}");
    fs::write(
        here.join("redeye-cloud.yaml"),
        "data: data\nmegavisors: {far: {file: far.yaml}}\n",
    )
    .unwrap();
    let output = run(here, "cost show");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("add `prices: prices.yaml`"));
    check(here, "cost show --by colour", 2, "");
}
