use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Location {
    Location::parse_from(text, Path::new("/data/here")).expect(text)
}

/// Text, store, path inside the store, whether a folder, canonical form.
const READ: &[(&str, &str, &str, bool, &str)] = &[
    ("s3://logs/a/b/", "s3://logs", "a/b", true, "s3://logs/a/b/"),
    ("s3://logs/a/b.csv", "s3://logs", "a/b.csv", false, "s3://logs/a/b.csv"),
    ("s3://logs", "s3://logs", "", true, "s3://logs/"),
    ("s3://logs/", "s3://logs", "", true, "s3://logs/"),
    ("S3A://My_Logs.1/a", "s3://My_Logs.1", "a", false, "s3://My_Logs.1/a"),
    ("s3://logs/a%20b/%C3%BC", "s3://logs", "a b/ü", false, "s3://logs/a%20b/%C3%BC"),
    ("s3://logs/a b/ü", "s3://logs", "a b/ü", false, "s3://logs/a%20b/%C3%BC"),
    ("s3://logs/t=10%253A00", "s3://logs", "t=10%3A00", false, "s3://logs/t=10%253A00"),
    ("file:///data/a/", "file://", "data/a", true, "file:///data/a/"),
    ("file:/data/a", "file://", "data/a", false, "file:///data/a"),
    ("file://localhost/data", "file://", "data", false, "file:///data"),
    ("/data/a b/ü%20c", "file://", "data/a b/ü%20c", false, "file:///data/a%20b/%C3%BC%2520c"),
    ("a/b/", "file://", "data/here/a/b", true, "file:///data/here/a/b/"),
    ("./a", "file://", "data/here/a", false, "file:///data/here/a"),
    ("../a", "file://", "data/a", false, "file:///data/a"),
    ("../../../a", "file://", "a", false, "file:///a"),
    (".", "file://", "data/here", true, "file:///data/here/"),
    ("..", "file://", "data", true, "file:///data/"),
    ("/", "file://", "", true, "file:///"),
    ("a:b?c#d", "file://", "data/here/a:b?c#d", false, "file:///data/here/a:b%3Fc%23d"),
    (
        "HTTPS://Host.Example:443/a%20b/c.csv",
        "https://host.example",
        "a b/c.csv",
        false,
        "https://host.example/a%20b/c.csv",
    ),
    ("http://127.1:8080/x", "http://127.0.0.1:8080", "x", false, "http://127.0.0.1:8080/x"),
    ("//a//b", "file://", "a/b", false, "file:///a/b"),
];

#[test]
fn locations_are_read() {
    for (text, store, prefix, is_folder, canonical) in READ {
        let location = parse(text);
        assert_eq!(location.store(), *store, "{text}");
        assert_eq!(location.prefix().as_ref(), *prefix, "{text}");
        assert_eq!(location.is_folder(), *is_folder, "{text}");
        assert_eq!(location.to_string(), *canonical, "{text}");
        assert_eq!(parse(canonical), location, "{text}");
    }
}

#[test]
fn what_is_no_location_is_refused_and_says_why() {
    for (text, part) in [
        ("", "empty"),
        ("gs://bucket/a", "`gs`"),
        ("s3:///a", "no bucket"),
        ("s3://b:9000/a", "':'"),
        ("s3://b/a/../c", "`..`"),
        ("s3://b/a/%2e%2E/c", "`..`"),
        ("s3://b/./c", "`.`"),
        ("s3://b/a%2F..%2F..%2Fc", "%2F"),
        ("s3://b/a//c", "empty name"),
        ("s3://b/a\u{1}c", "s3://b/a\\u{1}c"),
        ("s3://b/%00", "s3://b/%00"),
        ("s3://b/%FF", "unicode"),
        ("s3://b/a?versionId=1", "%3F"),
        ("s3://b/a#c", "%23"),
        ("file:///a/../b", "`..`"),
        ("file://host/a", "`host`"),
        ("https:///a", "no usable host"),
        ("https://a b/c", "no usable host"),
        ("https://a\\b/c", "no usable host"),
        ("https://host/a/../b", "`..`"),
    ] {
        let error = Location::parse_from(text, Path::new("/")).expect_err(text);
        assert!(error.message().contains(part), "{text:?}: {error}");
    }
}

#[test]
fn a_password_in_a_location_is_not_repeated() {
    for text in [
        "s3://AKIA:s3cret@bucket/a",
        "https://me:s3cret@host/a",
        "https://host/a?X-Amz-Signature=s3cret",
    ] {
        let error = Location::parse(text).expect_err("refused");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn a_backslash_separates_nothing() {
    let location = parse("file:///a\\..\\b");
    assert_eq!(location.prefix().as_ref(), "a\\..\\b");
    assert_eq!(location.to_string(), "file:///a%5C..%5Cb");
}

#[test]
fn only_a_local_location_has_a_path() {
    assert_eq!(parse("/a b/c").local_path(), Some(PathBuf::from("/a b/c")));
    assert_eq!(parse("s3://b/c").local_path(), None);
    assert_eq!(parse("s3://b/c").into_folder(), parse("s3://b/c/"));
    assert_eq!(parse("s3://b/").into_folder(), parse("s3://b"));
}

proptest! {
    /// The URL form is read back to the same place, whatever the names.
    #[test]
    fn names_survive_the_url_form(names in proptest::collection::vec("[^/\\p{C}]{1,12}", 1..4)) {
        prop_assume!(names.iter().all(|name| name != "." && name != ".."));
        let path = format!("/{}", names.join("/"));
        let location = Location::parse_from(&path, Path::new("/")).expect("a location");
        prop_assert_eq!(location.local_path(), Some(PathBuf::from(&path)));
        prop_assert_eq!(Location::parse(&location.to_string()).expect("a location"), location.clone());
        let from_url = location.url().to_file_path().expect("a file URL");
        prop_assert_eq!(from_url, PathBuf::from(path));
    }

    /// No text takes the reader down, and what it accepts is canonical.
    #[test]
    fn every_text_is_read_or_refused(text in "(s3://|file:/|https://|)[a-z%./2eF?#@: \\\\ü]{0,20}") {
        if let Ok(location) = Location::parse_from(&text, Path::new("/base")) {
            prop_assert_eq!(Location::parse(&location.to_string()).expect("canonical"), location);
        }
    }
}
