/// Whether all of `text` fits `pattern`: `*` stands for any run of characters,
/// `?` for one, everything else for itself.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and how far its run has been tried.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t = next_character(text, t);
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, tried)) = star else {
                    return false;
                };
                t = next_character(text, tried);
                star = Some((at, t));
                p = at + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

fn next_character(text: &[u8], at: usize) -> usize {
    let is_inside = |byte: &u8| *byte & 0xC0 == 0x80;
    let inside = text[at + 1..].iter().take_while(|byte| is_inside(byte));
    at + 1 + inside.count()
}
