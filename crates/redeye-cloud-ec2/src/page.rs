use redeye_cloud::Class;
use redeye_cloud::CloudError;

/// Pages of one listing; a million things at a thousand each.
const PAGES_MAX: usize = 1_000;

/// What a listing brought, and what broke it off.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pub(crate) items: Vec<T>,
    pub(crate) broke_off: Option<CloudError>,
}

impl<T> Pages<T> {
    /// All of it, or the error.
    pub(crate) fn all(self) -> Result<Vec<T>, CloudError> {
        match self.broke_off {
            None => Ok(self.items),
            Some(error) => Err(error),
        }
    }
}

/// Follows all pages. Without the first one it is an error.
pub(crate) async fn pages<T, F>(
    doing: &str,
    fetch: impl Fn(Option<String>) -> F,
) -> Result<Pages<T>, CloudError>
where
    F: Future<Output = Result<(Vec<T>, Option<String>), CloudError>>,
{
    let (mut items, mut next) = fetch(None).await?;
    let mut broke_off = None;
    let mut count = 1;
    while let Some(token) = next.filter(|token| !token.is_empty()) {
        count += 1;
        if PAGES_MAX < count {
            broke_off = Some(endless(doing));
            break;
        }
        match fetch(Some(token.clone())).await {
            Ok((_, Some(same))) if same == token => {
                broke_off = Some(endless(doing));
                break;
            }
            Ok((more, following)) => {
                items.extend(more);
                next = following;
            }
            Err(error) => {
                broke_off = Some(error);
                break;
            }
        }
    }
    Ok(Pages { items, broke_off })
}

fn endless(doing: &str) -> CloudError {
    CloudError::new(Class::Protocol, doing, "the pages have no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_names_itself_as_the_next_ends_the_listing() {
        let fetch = |token: Option<String>| async move {
            let next = token.unwrap_or_else(|| "a".into());
            Ok((vec![1], Some(next)))
        };
        let pages = pages("list", fetch).await.unwrap();
        assert_eq!(pages.items, [1]);
        assert_eq!(pages.broke_off.unwrap().class, Class::Protocol);
    }
}
