//! The graph from outside: named scenarios, and properties against a naive reference.
#![allow(clippy::unwrap_used)]

mod it {
    mod properties;
    mod reference;
    mod reload;
    mod scenarios;
    mod world;
}
