use std::borrow::Cow;

/// A text in one line that cannot move the cursor, colour the screen or turn the
/// direction of writing: what a watched machine says must not fool whoever reads it.
///
/// ```
/// assert_eq!(rem_command::visible("down\u{1b}[2J\nfor 5m"), "down·[2J for 5m");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    match text.chars().any(|letter| shown(letter) != letter) {
        true => Cow::Owned(text.chars().map(shown).collect()),
        false => Cow::Borrowed(text),
    }
}

fn shown(letter: char) -> char {
    match letter {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '·',
        letter if letter.is_control() => '·',
        letter => letter,
    }
}
