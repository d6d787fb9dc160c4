//! The compact binary form shared by the log, the snapshot and the socket.
//!
//! Integers are LEB128 (signed ones zigzag), texts and bodies carry their
//! length, maps and lists their count. Nothing here trusts its input.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Bytes that are no valid form of the type asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) type Decoded<T> = Result<T, Malformed>;

pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(input: &mut &[u8]) -> Decoded<Self>;

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// The value that takes up the whole of `bytes`.
    fn from_bytes(mut bytes: &[u8]) -> Decoded<Self> {
        let value = Self::get(&mut bytes)?;
        if bytes.is_empty() {
            Ok(value)
        } else {
            Err(Malformed)
        }
    }
}

/// Gives a struct with named fields, or an enum of such variants, its wire form.
macro_rules! wire {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) { $($crate::wire::Wire::put(&self.$field, out);)* let _ = out; }
            fn get(input: &mut &[u8]) -> $crate::wire::Decoded<Self> {
                let _ = &input;
                Ok(Self { $($field: $crate::wire::Wire::get(input)?),* })
            }
        }
    };
    (tuple $name:ident) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) { $crate::wire::Wire::put(&self.0, out); }
            fn get(input: &mut &[u8]) -> $crate::wire::Decoded<Self> {
                Ok(Self($crate::wire::Wire::get(input)?))
            }
        }
    };
    (enum $name:ident { $($tag:literal => $variant:ident $({ $($field:ident),* $(,)? })?),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::wire::Wire::put($field, out);)*)?
                    })*
                }
            }
            fn get(input: &mut &[u8]) -> $crate::wire::Decoded<Self> {
                match <u8 as $crate::wire::Wire>::get(input)? {
                    $($tag => Ok(Self::$variant $({ $($field: $crate::wire::Wire::get(input)?),* })?),)*
                    _ => Err($crate::wire::Malformed),
                }
            }
        }
    };
}
pub(crate) use wire;

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = u8::get(input)?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return Err(Malformed);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        u64::get(input)?.try_into().map_err(|_| Malformed)
    }
}

impl Wire for usize {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u64).put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        u64::get(input)?.try_into().map_err(|_| Malformed)
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        (((self << 1) ^ (self >> 63)) as u64).put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let zigzag = u64::get(input)?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }
}

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let (first, rest) = input.split_first().ok_or(Malformed)?;
        *input = rest;
        Ok(*first)
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        match u8::get(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

fn get_slice<'a>(input: &mut &'a [u8]) -> Decoded<&'a [u8]> {
    let length = usize::get(input)?;
    let (taken, rest) = input.split_at_checked(length).ok_or(Malformed)?;
    *input = rest;
    Ok(taken)
}

impl Wire for Arc<[u8]> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        get_slice(input).map(Into::into)
    }
}

impl Wire for Arc<str> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let text = std::str::from_utf8(get_slice(input)?).map_err(|_| Malformed)?;
        Ok(text.into())
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let text = std::str::from_utf8(get_slice(input)?).map_err(|_| Malformed)?;
        Ok(text.into())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        Ok(if bool::get(input)? {
            Some(T::get(input)?)
        } else {
            None
        })
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_ok().put(out);
        match self {
            Ok(value) => value.put(out),
            Err(error) => error.put(out),
        }
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        Ok(if bool::get(input)? {
            Ok(T::get(input)?)
        } else {
            Err(E::get(input)?)
        })
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        Ok((A::get(input)?, B::get(input)?))
    }
}

fn put_all<'a, T: Wire + 'a>(items: impl ExactSizeIterator<Item = &'a T>, out: &mut Vec<u8>) {
    items.len().put(out);
    for item in items {
        item.put(out);
    }
}

fn get_all<T: Wire, C: FromIterator<T>>(input: &mut &[u8]) -> Decoded<C> {
    let count = usize::get(input)?;
    // Every item takes a byte at least: a forged count cannot ask for memory.
    if input.len() < count {
        return Err(Malformed);
    }
    (0..count).map(|_| T::get(input)).collect()
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_all(self.iter(), out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        get_all(input)
    }
}

impl<T: Wire> Wire for VecDeque<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_all(self.iter(), out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        get_all(input)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        get_all::<(K, V), _>(input)
    }
}

impl<K: Wire + Ord + Hash, V: Wire> Wire for HashMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        // In key order, so that the same state has the same bytes.
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by(|a, b| a.0.cmp(b.0));
        entries.len().put(out);
        for (key, value) in entries {
            key.put(out);
            value.put(out);
        }
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        get_all::<(K, V), _>(input)
    }
}
