use std::collections::BTreeMap;
use std::fmt;

/// A text in which `{name}` stands for a value; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// Values by name, some of which are secret.
#[derive(Clone, Default)]
pub(crate) struct Values(BTreeMap<String, (String, bool)>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|(name, (value, secret))| {
            (name, if *secret { "(hidden)" } else { value.as_str() })
        });
        f.debug_map().entries(shown).finish()
    }
}

impl Values {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.into(), (value.into(), false));
    }

    pub(crate) fn set_secret(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.into(), (value.into(), true));
    }

    /// Takes over what another machine says, but not which one it is.
    pub(crate) fn add(&mut self, other: Self) {
        let others = other.0.into_iter().filter(|(name, _)| name != "id");
        self.0.extend(others);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }

    /// A text without the secrets in it, wherever they came from. Very short ones are
    /// left: half the text would go with them.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let secrets = self
            .0
            .values()
            .filter(|(value, secret)| *secret && 3 < value.len());
        secrets.fold(text.to_owned(), |text, (value, _)| {
            text.replace(value, "(hidden)")
        })
    }
}

impl Template {
    /// Reads a text; says what is wrong with its braces.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '{' if rest.next_if_eq(&'{').is_some() => plain.push('{'),
                '}' if rest.next_if_eq(&'}').is_some() => plain.push('}'),
                '}' => return Err("a brace is closed that was not opened; write }} for one".into()),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(letter) => name.push(letter),
                            None => {
                                return Err("a brace is not closed; write {{ for one".into());
                            }
                        }
                    }
                    let usable = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                    if name.is_empty() || !name.chars().all(usable) {
                        return Err(format!(
                            "{{{name}}} is no name; write {{{{ and }}}} for braces"
                        ));
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Name(name));
                }
                letter => plain.push(letter),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The names it needs.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text; a value that is not there is empty.
    pub(crate) fn fill(&self, values: &Values) -> String {
        self.0.iter().fold(String::new(), |text, part| match part {
            Part::Text(plain) => text + plain,
            Part::Name(name) => text + values.get(name).unwrap_or_default(),
        })
    }

    /// The text as it may be shown.
    pub(crate) fn show(&self, values: &Values) -> String {
        self.0.iter().fold(String::new(), |text, part| match part {
            Part::Text(plain) => text + plain,
            Part::Name(name) => match values.0.get(name) {
                Some((_, true)) => text + "(hidden)",
                Some((value, false)) => text + value,
                None => text,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_become_values_and_secrets_are_not_shown() {
        let mut values = Values::default();
        values.set("bmc", "10.0.0.1");
        values.set_secret("pass", "hunter2");
        let template = Template::parse("{bmc}:{port}/{{x}} {pass}").unwrap();
        assert_eq!(
            template.names().collect::<Vec<_>>(),
            ["bmc", "port", "pass"]
        );
        assert_eq!(template.fill(&values), "10.0.0.1:/{x} hunter2");
        assert_eq!(template.show(&values), "10.0.0.1:/{x} (hidden)");
        assert_eq!(
            values.without_secrets("login hunter2 failed"),
            "login (hidden) failed"
        );
        assert!(!format!("{values:?}").contains("hunter2"));
    }

    #[test]
    fn odd_braces_are_told() {
        for bad in ["{", "a}", "{a b}", "{}", "{a"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
