use std::collections::BTreeMap;

/// What a request says, by the names of the query protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let plain = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((plain(name), plain(value)))
        });
        Self(pairs.collect())
    }

    /// One value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a flag is set.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The numbered values `name.1`, `name.2` and so on.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let numbered = |number| self.get(&format!("{name}.{number}"));
        (1..).map_while(numbered).collect()
    }

    /// The numbered pairs `name.1.key` with `name.1.value`.
    pub(crate) fn pairs(&self, name: &str, key: &str, value: &str) -> Vec<(String, String)> {
        let numbered = |number| {
            let key = self.get(&format!("{name}.{number}.{key}"))?;
            let value = self.get(&format!("{name}.{number}.{value}")).unwrap_or("");
            Some((key.to_owned(), value.to_owned()))
        };
        (1..).map_while(numbered).collect()
    }

    /// The tags of what a request makes.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let of_ec2 = self.pairs("TagSpecification.1.Tag", "Key", "Value");
        let of_elb = self.pairs("Tags.member", "Key", "Value");
        of_ec2.into_iter().chain(of_elb).collect()
    }

    /// The filters: a name and the values of which one must fit.
    pub(crate) fn filters(&self) -> Vec<(&str, Vec<&str>)> {
        let numbered = |number| {
            let name = self.get(&format!("Filter.{number}.Name"))?;
            Some((name, self.all(&format!("Filter.{number}.Value"))))
        };
        (1..).map_while(numbered).collect()
    }

    /// The same without what may differ between two attempts at one thing.
    pub(crate) fn lasting(&self) -> Self {
        let mut lasting = self.clone();
        lasting.0.remove("DryRun");
        lasting
    }
}
