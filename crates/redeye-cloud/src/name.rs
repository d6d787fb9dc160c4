use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Characters of a [`Name`].
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of an [`Id`].
pub const ID_CHARS_MAX: usize = 255;

/// Why a text is neither a name nor an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("a name is empty")]
    Empty,
    /// Too long.
    #[error("longer than {most} characters: {text}")]
    TooLong {
        /// How many there may be.
        most: usize,
        /// The text.
        text: String,
    },
    /// A letter that cannot be there.
    #[error("{text:?} has {letter:?} in it: use lower-case letters, digits and . _ - +")]
    Letter {
        /// The text.
        text: String,
        /// The letter.
        letter: char,
    },
    /// A control character or a space.
    #[error("{text:?} has a space or a control character in it")]
    Invisible {
        /// The text.
        text: String,
    },
    /// It begins with a sign.
    #[error("{text:?} does not begin with a letter or a digit")]
    Begin {
        /// The text.
        text: String,
    },
}

/// The name of a megavisor, an account or a region: 1 to 64 lower-case letters,
/// digits and `.`, `_`, `-`, `+`, beginning with a letter or a digit, so that it can
/// be a part of a file's name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// What a cloud calls one of its things, such as `i-0abc` or `rack3/u17`: 1 to 255
/// visible characters without spaces. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Name {
    /// The name, if the text can be one.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if NAME_CHARS_MAX < text.chars().count() {
            return Err(NameError::TooLong {
                most: NAME_CHARS_MAX,
                text: text.into(),
            });
        }
        let usable = |letter: char| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-+".contains(letter)
        };
        if let Some(letter) = text.chars().find(|letter| !usable(*letter)) {
            return Err(NameError::Letter {
                text: text.into(),
                letter,
            });
        }
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::Begin { text: text.into() });
        }
        Ok(Self(text.into()))
    }
}

impl Id {
    /// The id, if the text can be one.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if ID_CHARS_MAX < text.chars().count() {
            return Err(NameError::TooLong {
                most: ID_CHARS_MAX,
                text: text.into(),
            });
        }
        if text.contains(|letter: char| letter.is_control() || letter.is_whitespace()) {
            return Err(NameError::Invisible { text: text.into() });
        }
        Ok(Self(text.into()))
    }
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text!(Name);
text!(Id);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_part_of_a_file_name() {
        for good in ["ec2", "eu-west-1", "rack.3", "9", "rack-ipmi+2"] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Rack", "a/b", "../x", ".hidden", "a b", &"x".repeat(65)] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_is_whatever_a_cloud_says_without_spaces() {
        for good in ["i-0abc", "rack3/u17", "arn:aws:elb:1/x", "ß"] {
            assert_eq!(Id::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\nb", &"x".repeat(256)] {
            assert!(Id::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_was_stored_is_checked_again() {
        assert!(serde_json::from_str::<Name>("\"a/b\"").is_err());
        assert_eq!(
            serde_json::from_str::<Id>("\"i-1\"").unwrap(),
            Id::new("i-1").unwrap()
        );
    }
}
