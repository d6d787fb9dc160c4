//! Nothing to embed: this package only holds the tests in `tests/it`.
