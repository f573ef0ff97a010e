//! The known name that a mistyped one was probably meant to be.

/// The nearest of the candidates, if it is near enough to be a typing error.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = name.to_lowercase();
    let distance_max = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&typed, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The tail of a message: `; did you mean ...?` or nothing.
pub(super) fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["delimiter", "header", "quote"];
        assert_eq!(nearest("delimeter", known), Some("delimiter"));
        assert_eq!(nearest("HEADR", known), Some("header"));
        assert_eq!(nearest("compression", known), None);
    }
}
