/// An element with text in it.
pub(crate) fn text(name: &str, value: impl std::fmt::Display) -> String {
    let value = value.to_string();
    let safe = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<{name}>{safe}</{name}>")
}

/// An element with text in it, if there is any.
pub(crate) fn maybe(name: &str, value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(String::new, |value| text(name, value))
}

/// An element with others in it.
pub(crate) fn element(name: &str, inner: &str) -> String {
    match inner.is_empty() {
        true => format!("<{name}/>"),
        false => format!("<{name}>{inner}</{name}>"),
    }
}

/// A set of items, each in an element of its own.
pub(crate) fn set(name: &str, item: &str, items: impl IntoIterator<Item = String>) -> String {
    let items = items.into_iter().map(|inner| element(item, &inner));
    element(name, &items.collect::<String>())
}

/// Tags as EC2 writes them.
pub(crate) fn tags(tags: &std::collections::BTreeMap<String, String>) -> String {
    let each = tags
        .iter()
        .map(|(key, value)| text("key", key) + &text("value", value));
    set("tagSet", "item", each)
}
