//! `--query`: a part of an answer, in JMESPath.

use std::str::FromStr;

use jmespath::{Expression, Variable};
use serde_json::Value;

use crate::exit::Mistake;

/// An expression that was read, so that a mistake in it is told before a cloud is asked.
#[derive(Clone, Debug)]
pub(crate) struct Query(Expression<'static>);

impl FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Its message points at the place with a line of its own.
        jmespath::compile(text)
            .map(Self)
            .map_err(|why| why.to_string().trim_end().to_owned())
    }
}

impl Query {
    pub(crate) fn of(&self, whole: &Value) -> Result<Value, Mistake> {
        let wrong = |why: &dyn std::fmt::Display| Mistake(format!("--query: {why}"));
        let whole = Variable::from_serializable(whole).map_err(|why| wrong(&why))?;
        let found = self.0.search(whole).map_err(|why| wrong(&why))?;
        serde_json::to_value(&*found).map_err(|why| wrong(&why))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_an_answer_is_found() {
        let whole = json!({"items": [
            {"id": "m-1", "power": "on", "n": 1}, {"id": "m-2", "power": "off", "n": 2},
        ]});
        let of = |text: &str| text.parse::<Query>().unwrap().of(&whole).unwrap();
        assert_eq!(of("items[?power=='on'].id"), json!(["m-1"]));
        assert_eq!(of("length(items)"), json!(2));
        assert_eq!(of("items[].[id, n]"), json!([["m-1", 1], ["m-2", 2]]));
        assert_eq!(of("nothing"), Value::Null);
    }

    #[test]
    fn a_mistake_names_its_place() {
        let told = "items[?power==".parse::<Query>().unwrap_err();
        assert!(told.contains("column 14"), "{told}");
        let query: Query = "length(n)".parse().unwrap();
        let told = query.of(&json!({"n": 1})).unwrap_err().to_string();
        assert!(told.contains("length"), "{told}");
    }
}
