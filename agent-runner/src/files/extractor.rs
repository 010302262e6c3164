//! Has the text of files read, where that can harm nobody: in a process of its own, which ends with the file.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::confined::Answer;
use super::extract::{ExtractLimits, Extracted, extract};

/// The command of the program that reads one file.
const COMMAND: &str = "extract-text";
/// How long a process may take for a file.
const TIME_MAX: Duration = Duration::from_mins(1);
/// The signals by which people and supervisors end processes: SIGHUP, SIGINT, SIGTERM. They say nothing about the file.
const ENDED_FROM_OUTSIDE: [i32; 3] = [1, 2, 15];
/// The longest description of what is wrong with a file, in characters.
const PROBLEM_CHARS_MAX: usize = 500;

/// Who reads files.
#[derive(Debug, Clone)]
pub enum Extractor {
    /// This process, for tests: a file that harms harms it.
    InProcess,
    /// A process for each file.
    ChildProcess {
        /// What is started.
        program: PathBuf,
        /// Its first arguments; the file's type and name follow.
        arguments: Vec<String>,
        /// How long it may take.
        time: Duration,
    },
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExtractorError {
    /// The file cannot be read, now or later.
    #[error("{0}")]
    Unreadable(String),
    /// Nobody could read now.
    #[error("no process could read it now: {0}")]
    Unavailable(String),
}

impl Extractor {
    /// This very program, with its command for it.
    #[must_use]
    pub fn of_program(program: PathBuf) -> Self {
        Self::ChildProcess { program, arguments: vec![COMMAND.to_owned()], time: TIME_MAX }
    }

    /// The text of a file; `None` if it has none.
    pub(crate) async fn extract(
        &self,
        content_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<Option<Extracted>, ExtractorError> {
        match self {
            Self::InProcess => extract(content_type, filename, &bytes, &ExtractLimits::default())
                .map_err(|error| ExtractorError::Unreadable(error.to_string())),
            Self::ChildProcess { program, arguments, time } => {
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    // With the option in the same argument, no name is taken for another option.
                    .arg(format!("--content-type={}", plain(content_type)))
                    .arg(format!("--filename={}", plain(filename)))
                    .env_clear()
                    .current_dir("/")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    // What a terminal tells the server is not for it.
                    .process_group(0)
                    .kill_on_drop(true);
                let child = command.spawn().map_err(|error| ExtractorError::Unavailable(error.to_string()))?;
                understand(ask(child, &bytes, *time).await?)
            }
        }
    }
}

/// Gives a process the file, and hears what it says.
async fn ask(mut child: Child, bytes: &[u8], time: Duration) -> Result<Vec<u8>, ExtractorError> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ExtractorError::Unavailable("it has no pipes".to_owned()));
    };
    let most = answer_bytes_max();
    let mut said = Vec::new();
    let talking = async {
        let give = async move {
            // Who has heard enough does not listen to the end.
            let _ = input.write_all(bytes).await;
        };
        let mut output = output.take(most + 1);
        let ((), heard) = tokio::join!(give, output.read_to_end(&mut said));
        heard.map(drop)
    };
    let talked = timeout(time, talking).await;
    if matches!(talked, Ok(Ok(()))) && said.len() as u64 <= most {
        match timeout(time, child.wait()).await {
            Ok(Ok(status)) if status.code().is_some() && !said.is_empty() => return Ok(said),
            Ok(Ok(status)) => return Err(broke_off(status)),
            _ => {}
        }
    }
    // It is gone all the same when this handle is.
    let _ = child.kill().await;
    Err(ExtractorError::Unreadable(match talked {
        Err(_) => format!("reading it took more than {} s", time.as_secs()),
        Ok(Err(error)) => format!("reading it broke off: {error}"),
        Ok(Ok(())) => "reading it came to no end".to_owned(),
    }))
}

fn broke_off(status: ExitStatus) -> ExtractorError {
    let why = format!("reading it broke off: {status}");
    if status.signal().is_some_and(|signal| ENDED_FROM_OUTSIDE.contains(&signal)) {
        ExtractorError::Unavailable(why)
    } else {
        ExtractorError::Unreadable(why)
    }
}

/// The process had the file in its hands: what it says is not trusted.
fn understand(said: Vec<u8>) -> Result<Option<Extracted>, ExtractorError> {
    let answer = serde_json::from_slice(&said);
    drop(said);
    match answer {
        Ok(Answer::Text(Extracted { text, truncated })) => {
            let most = ExtractLimits::default().text_chars;
            let text: String = text.chars().filter(|it| *it != '\0').take(most).collect();
            Ok(Some(Extracted { text, truncated }))
        }
        Ok(Answer::Nothing {}) => Ok(None),
        Ok(Answer::Failed { error }) => Err(ExtractorError::Unreadable(plain(&error))),
        Err(_) => Err(ExtractorError::Unreadable("reading it came to nothing".to_owned())),
    }
}

/// The longest answer in JSON: a character has at most four bytes, and those that are escaped have two; some more stand
/// around them.
fn answer_bytes_max() -> u64 {
    ExtractLimits::default().text_chars as u64 * 4 + 1_024
}

/// Without control characters, and not too long.
fn plain(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(PROBLEM_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn of_shell(script: &str, time: Duration, bytes: Vec<u8>) -> Result<Option<Extracted>, ExtractorError> {
        let arguments = ["-c", script, "sh"].map(str::to_owned).to_vec();
        let extractor = Extractor::ChildProcess { program: "/bin/sh".into(), arguments, time };
        extractor.extract("text/plain", "a.txt", Bytes::from(bytes)).await
    }

    fn problem(read: Result<Option<Extracted>, ExtractorError>) -> String {
        match read {
            Err(ExtractorError::Unreadable(problem)) => problem,
            other => panic!("{other:?}"),
        }
    }

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn what_a_process_says_is_heard() {
        let script = r#"cat >/dev/null; printf '{"text":"%s %s","truncated":false}' "$1" "$2""#;
        let read = of_shell(script, LONG, vec![b'x'; 1 << 20]).await.unwrap().unwrap();
        assert_eq!(read.text, "--content-type=text/plain --filename=a.txt");
        assert_eq!(of_shell("echo '{}'", LONG, Vec::new()).await, Ok(None));
        assert_eq!(problem(of_shell(r#"echo '{"error":"broken"}'; exit 1"#, LONG, Vec::new()).await), "broken");
        assert_eq!(problem(of_shell("echo Hello", LONG, Vec::new()).await), "reading it came to nothing");
    }

    #[tokio::test]
    async fn it_knows_nothing_of_this_process() {
        let script = r#"printf '{"text":"%s","truncated":false}' "$CARGO_MANIFEST_DIR$CARGO_PKG_NAME$DATABASE_URL""#;
        assert_eq!(of_shell(script, LONG, Vec::new()).await.unwrap().unwrap().text, "");
    }

    #[tokio::test]
    async fn one_that_takes_too_long_is_killed() {
        let since = Instant::now();
        let read = of_shell("exec sleep 60", Duration::from_millis(200), vec![0; 1 << 20]).await;
        assert!(problem(read).contains("took more than"));
        assert!(since.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn one_that_dies_or_says_too_much_is_no_more_than_that() {
        assert!(problem(of_shell("kill -9 $$", LONG, vec![0; 1 << 20]).await).contains("broke off"));
        assert!(problem(of_shell("exit 0", LONG, Vec::new()).await).contains("broke off"));
        assert!(problem(of_shell("exec cat /dev/zero", LONG, Vec::new()).await).contains("no end"));
    }

    #[tokio::test]
    async fn one_that_is_ended_with_the_server_says_nothing_about_its_file() {
        let read = of_shell("kill -15 $$", LONG, Vec::new()).await;
        assert!(matches!(read, Err(ExtractorError::Unavailable(_))), "{read:?}");
    }

    #[tokio::test]
    async fn without_a_program_it_is_tried_again() {
        let extractor = Extractor::of_program("/nowhere/at/all".into());
        let read = extractor.extract("text/plain", "a", Bytes::new()).await;
        assert!(matches!(read, Err(ExtractorError::Unavailable(_))), "{read:?}");
    }

    #[test]
    fn the_longest_answer_is_heard() {
        for character in ['"', '\\', '\n', 'ä', '\u{10ffff}'] {
            let text = character.to_string().repeat(ExtractLimits::default().text_chars);
            let said = serde_json::to_vec(&Answer::Text(Extracted { text, truncated: true })).unwrap();
            assert!(said.len() as u64 <= answer_bytes_max(), "{character:?}");
        }
    }
}
