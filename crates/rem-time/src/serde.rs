use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{Span, Timestamp};

macro_rules! as_text {
    ($name:ty) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(Timestamp);
as_text!(Span);

#[cfg(test)]
mod tests {
    use crate::{Span, Timestamp};

    #[test]
    fn what_is_stored_is_what_people_write_and_nothing_is_lost() {
        let at = Timestamp::from_nanos(1_800_000_000_123_456_789);
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(text, "\"2027-01-15T08:00:00.123456789Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), at);
        let span = Span::from_nanos(5_400_000_000_001);
        let text = serde_json::to_string(&span).unwrap();
        assert_eq!(text, "\"1h30m1ns\"");
        assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span);
        assert!(serde_json::from_str::<Span>("\"5\"").is_err());
    }
}
