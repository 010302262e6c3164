//! A Redis of its own for a test: the program in `GLASSBOX_TEST_REDIS_SERVER`, or else `redis-server` on the path.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use ::redis::{Client, Value};
use uuid::Uuid;

const PROGRAM_VARIABLE: &str = "GLASSBOX_TEST_REDIS_SERVER";
/// Redis is asked so often whether it is there yet.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
const LOOKS: usize = 1_000;
/// A shell that kills Redis when its input ends, which it does with the test process at the latest.
const WATCHDOG: &str = r#""$@" & redis=$!; read -r _; { kill -9 "$redis"; wait "$redis"; } 2>/dev/null"#;

/// A Redis in a folder of its own, reached over a unix socket. It ends with the test.
#[derive(Debug)]
pub struct RedisServer {
    folder: PathBuf,
    options: Vec<String>,
    watchdog: Option<Child>,
}

impl RedisServer {
    /// Starts a Redis.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a Redis with more options of its command line.
    #[must_use]
    pub fn with(options: &[&str]) -> Self {
        let mut server = Self::absent();
        server.options = options.iter().map(ToString::to_string).collect();
        server.restart();
        server
    }

    /// A Redis that is not running yet; see [`Self::restart`].
    #[must_use]
    pub fn absent() -> Self {
        let folder = env::temp_dir().join(format!("glassbox-test-redis-{}", Uuid::new_v4().simple()));
        fs::create_dir(&folder).expect("a folder can be made");
        Self { folder, options: Vec::new(), watchdog: None }
    }

    /// A folder for the test's files, which is removed with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            watchdog.wait().expect("the watchdog ends");
        }
        // A Redis that is killed leaves its socket behind.
        let _ = fs::remove_file(self.socket());
    }

    /// Starts it again at the same address, as empty as the first time.
    pub fn restart(&mut self) {
        self.kill();
        let program = env::var_os(PROGRAM_VARIABLE).filter(|program| !program.is_empty());
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .arg(program.unwrap_or_else(|| "redis-server".into()))
            .args(["--save", "", "--appendonly", "no", "--port", "0", "--loglevel", "warning"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--pidfile")
            .arg(self.folder.join("pid"))
            .args(&self.options)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        self.watchdog = Some(watchdog);
        let is_there = (0..LOOKS).any(|_| {
            let answers = self.ask(&["PING"]).is_ok();
            if !answers {
                thread::sleep(LOOK_PAUSE);
            }
            answers
        });
        assert!(is_there, "Redis did not start; install redis-server, or name the program in {PROGRAM_VARIABLE}");
    }

    fn ask(&self, command: &[&str]) -> Result<Value, ::redis::RedisError> {
        let password = self.options.iter().skip_while(|option| *option != "--requirepass").nth(1);
        let auth = password.map(|password| format!("?pass={password}")).unwrap_or_default();
        let mut connection = Client::open(format!("{}{auth}", self.url()))?.get_connection()?;
        let mut asked = ::redis::cmd(command[0]);
        for argument in &command[1..] {
            asked.arg(*argument);
        }
        asked.query(&mut connection)
    }

    /// Has it carry out a command, on a connection of the test's own.
    #[expect(clippy::must_use_candidate, reason = "most commands are given for what they do")]
    pub fn command(&self, command: &[&str]) -> Value {
        self.ask(command).expect("Redis carries the command out")
    }

    /// Cuts the connections that publish, or those that subscribe: `normal` or `pubsub`.
    pub fn cut_clients(&self, kind: &str) {
        self.command(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
    }

    /// Stops it from answering, with all connections open, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.folder.join("pid")).expect("it wrote its pid before");
        let sent = Command::new("kill").args([signal, pid.trim()]).status();
        assert!(sent.as_ref().is_ok_and(std::process::ExitStatus::success), "kill {signal} {pid}: {sent:?}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        // What stays behind is in the machine's folder for what may be removed.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
