/// The candidate an operator most likely meant by `word`, for "did you mean".
///
/// Compares without regard to case and counts letters added, left out, changed or
/// swapped with their neighbour; about one mistake in three letters is forgiven.
///
/// ```
/// assert_eq!(rem_yaml::suggest("machins", ["machines", "packages"]), Some("machines"));
/// assert_eq!(rem_yaml::suggest("colour", ["machines", "packages"]), None);
/// ```
pub fn suggest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    let forgiven = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().collect();
            let likely = letters.len().abs_diff(word.len()) <= forgiven;
            let mistakes = likely.then(|| distance(&word, &letters))?;
            (mistakes <= forgiven && mistakes < word.len()).then_some((mistakes, candidate))
        })
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, candidate)| candidate)
}

/// A longer word is no typing mistake; comparing it would only cost time.
const WORD_CHARS_MAX: usize = 100;

/// Edits from `a` to `b`, a swap of neighbours counting as one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &right) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(left != right))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && left == b[j - 1] && a[i - 1] == right {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
