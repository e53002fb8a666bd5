//! Texts of a limited length, for fields of Kubernetes.

/// Cuts a text to at most `most` bytes.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let cut = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..cut).unwrap_or_default())
}
