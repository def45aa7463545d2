//! The seal of a manifest: a checksum of its text in the text, so that a change of a single character is found.
//!
//! The text is what is sealed, not the values: a later writer's fields are covered by it, too.

/// What stands in the place of a seal while the text is summed up: as many characters as a seal has.
const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How the seal begins in the text; nothing that somebody else wrote comes behind it.
const KEY: &str = "\"seal\": \"";

/// Puts the seal in its place: behind the last `"seal": "` of a text that has room for it there.
pub(crate) fn put(text: &mut [u8]) {
    if let Some(place) = place(text) {
        text[place.clone()].copy_from_slice(BLANK.as_bytes());
        let seal = blake3::hash(text).to_hex();
        text[place].copy_from_slice(seal.as_bytes());
    }
}

/// Whether the text is as it was when it was sealed; none where it has no seal.
pub(crate) fn is_intact(text: &[u8]) -> Option<bool> {
    let place = place(text)?;
    let mut blank = text.to_vec();
    blank[place.clone()].copy_from_slice(BLANK.as_bytes());
    Some(blake3::hash(&blank).to_hex().as_bytes() == &text[place])
}

/// An empty seal, for a text that is to be sealed.
pub(crate) fn blank() -> String {
    BLANK.to_owned()
}

fn place(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let key = text.windows(KEY.len()).rposition(|window| window == KEY.as_bytes())?;
    let begin = key + KEY.len();
    (text.len() >= begin + BLANK.len()).then(|| begin..begin + BLANK.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_is_intact_until_a_bit_is_changed() {
        let mut text = format!("{{\n \"name\": \"\\\"seal\\\": \\\"\",\n {KEY}{BLANK}\"\n}}\n").into_bytes();
        assert_eq!(is_intact(&text), Some(false));
        put(&mut text);
        assert_eq!(is_intact(&text), Some(true));
        for bit in 0..text.len() * 8 {
            let mut other = text.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(is_intact(&other), Some(true), "bit {bit}");
        }
        assert_eq!(is_intact(b"{}"), None);
    }
}
