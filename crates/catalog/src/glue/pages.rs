//! Lists that Glue answers in pages.

use mooring_spi::{Error, ErrorKind, Result};

/// Pages of one list. A page may be empty with more behind it, so the entries alone bound nothing.
const PAGES_MAX: usize = 10_000;

/// What a page has, and the token of the next one.
pub(super) type Page<T> = (Vec<T>, Option<String>);

/// Asks for page after page. `take` may end it with an error.
///
/// # Errors
/// Those of `ask` and `take`; `LimitExceeded`, naming the list.
pub(super) async fn each_page<T, F>(
    list: &str,
    ask: impl Fn(Option<String>) -> F,
    mut take: impl FnMut(Vec<T>) -> Result<()>,
) -> Result<()>
where
    F: Future<Output = Result<Page<T>>>,
{
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let (entries, next) = ask(token).await?;
        take(entries)?;
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(());
        }
    }
    let message = format!("the list of {list} has more than {PAGES_MAX} pages");
    Err(Error::new(ErrorKind::LimitExceeded, message))
}

/// All entries in one list.
///
/// # Errors
/// As [`each_page`].
pub(super) async fn all_pages<T, F>(list: &str, ask: impl Fn(Option<String>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<Page<T>>>,
{
    let mut all = Vec::new();
    let take = |entries| {
        all.extend::<Vec<T>>(entries);
        Ok(())
    };
    each_page(list, ask, take).await?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_put_together_and_bounded() {
        let three = |token: Option<String>| async move {
            Ok(match token.as_deref() {
                None => (vec![1, 2], Some("second".to_owned())),
                Some("second") => (vec![], Some("third".to_owned())),
                Some(_) => (vec![3], Some(String::new())),
            })
        };
        assert_eq!(all_pages("numbers", three).await.expect("a list"), [1, 2, 3]);
        let endless = |_| async { Ok((Vec::<u8>::new(), Some("again".to_owned()))) };
        let error = all_pages("numbers", endless).await.expect_err("bounded");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.message().contains("numbers"), "{error}");
    }
}
