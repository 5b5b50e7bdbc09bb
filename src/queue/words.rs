//! The words of a text, for the search.

/// The longest text that is searched for, in characters, and the most words of it.
pub(super) const LONGEST: usize = 200;
pub(super) const MOST_WORDS: usize = 8;

/// The words of a text. An index may split one further, in the same way each time.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty())
}

/// What a list searches for: words, each the beginning of a word in the line. A word of one character is a whole word.
pub(super) fn wanted_words(text: &str) -> Vec<String> {
    let start: String = text.chars().take(LONGEST).collect();
    words(&start).take(MOST_WORDS).map(str::to_owned).collect()
}
