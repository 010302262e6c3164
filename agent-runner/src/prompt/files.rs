//! Files, as models are told them: what they are, and what they say.

use std::collections::HashMap;

use platform::db::files::{Says, ToldFile};
use uuid::Uuid;

use super::beginning;

/// The longest name that is told, in bytes; of a longer one, its beginning.
const NAME_BYTES_MAX: usize = 300;
/// What stands around what a file says has less bytes than this.
const FRAME_BYTES: usize = 2 * 1024;

/// The files that a run may read.
#[derive(Debug, Default)]
pub(crate) struct KnownFiles(HashMap<Uuid, ToldFile>);

impl KnownFiles {
    /// A file, in at most `bytes_max` bytes. One that is not known is gone, or none of this run's business.
    pub(super) fn tell(&self, id: Uuid, bytes_max: usize) -> String {
        let Some(file) = self.0.get(&id) else { return format!("The file {id} is gone.") };
        let size = file.size_bytes.map(|size| format!(", {size} bytes")).unwrap_or_default();
        let name = beginning(&file.filename, NAME_BYTES_MAX);
        let about = format!("The file {name:?} ({}{size}), whose id is {id}.", file.content_type);
        match &file.says {
            Says::Text { beginning: text, chars, truncated } => {
                let told = beginning(text, bytes_max.saturating_sub(FRAME_BYTES));
                let cut = if told.chars().count() < *chars || *truncated {
                    let more = if *truncated { "more than " } else { "" };
                    format!("\n… (cut here: {more}{chars} characters in all)")
                } else {
                    String::new()
                };
                format!("{about} It says:\n\n{told}{cut}")
            }
            Says::Nothing => format!("{about} It has no text that could be read."),
            Says::NotYet => format!("{about} It is still being read: what it says is known later."),
            Says::Unreadable(problem) => format!("{about} Its text could not be read: {problem}."),
        }
    }
}

impl FromIterator<ToldFile> for KnownFiles {
    fn from_iter<T: IntoIterator<Item = ToldFile>>(files: T) -> Self {
        Self(files.into_iter().map(|file| (file.id.as_uuid(), file)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn told(says: Says) -> String {
        let file = ToldFile {
            id: ID.into(),
            filename: "a \"b\".pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            size_bytes: Some(12),
            says,
        };
        KnownFiles::from_iter([file]).tell(ID, 4 * 1024)
    }

    fn text(beginning: &str, chars: usize, truncated: bool) -> Says {
        Says::Text { beginning: beginning.to_owned(), chars, truncated }
    }

    #[test]
    fn a_file_is_told_with_what_it_says() {
        let about = format!("The file \"a \\\"b\\\".pdf\" (application/pdf, 12 bytes), whose id is {ID}.");
        assert_eq!(told(text("words", 5, false)), format!("{about} It says:\n\nwords"));
        assert!(told(text("words", 9, false)).ends_with("words\n… (cut here: 9 characters in all)"));
        assert!(told(text("words", 5, true)).ends_with("words\n… (cut here: more than 5 characters in all)"));
        assert!(told(Says::NotYet).contains("still being read"));
        assert!(told(Says::Nothing).contains("no text"));
        assert!(told(Says::Unreadable("it is broken".to_owned())).ends_with("could not be read: it is broken."));
        assert_eq!(KnownFiles::default().tell(ID, 100), format!("The file {ID} is gone."));
    }

    #[test]
    fn what_is_told_is_bounded() {
        let long = told(text(&"ä".repeat(100_000), 100_000, false));
        assert!(long.len() <= 4 * 1024 && long.ends_with("(cut here: 100000 characters in all)"), "{}", long.len());
    }
}
