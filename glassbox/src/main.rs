//! The GlassBox binary: reads the configuration, puts the parts together, runs them.

mod agents;
mod extract_text;
mod files;
mod listener;
mod quarantine;
mod serve;
mod storage;
mod studio;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use platform::config::{Config, Roles};

/// Deeply nested documents recurse inside the document engine; the stack of a thread is only reserved, not used.
const THREAD_STACK_BYTES: usize = 16 << 20;

/// A realtime collaboration server on Yjs documents.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Examples:\n  glassbox serve --demo\n  glassbox serve --config /etc/glassbox.toml\n  DATABASE_URL=postgres://… glassbox migrate"
)]
struct Arguments {
    /// A configuration file; what it does not say is as in the default configuration (see `glassbox config`).
    #[arg(long, global = true, env = "GLASSBOX_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    #[command(
        after_help = "Examples:\n  glassbox serve --demo\n  GLASSBOX_SERVER_LISTEN=0.0.0.0:9000 glassbox serve\n  glassbox serve --roles api"
    )]
    Serve {
        /// What this instance serves: sync (sockets), api (REST and the studio), agent (runs of agents), or all; several
        /// with commas.
        /// /health, /ready and /metrics are always served. Not given: server.roles of the configuration.
        #[arg(long, value_name = "ROLES")]
        roles: Option<Roles>,
        /// Make sure that a demo organization with a project is there.
        #[arg(long)]
        demo: bool,
    },
    /// Bring the database's tables up to date, and end.
    #[command(
        after_help = "Examples:\n  DATABASE_URL=postgres://glassbox@db/glassbox glassbox migrate\n  DATABASE_URL=postgres://glassbox@db/glassbox GLASSBOX_DATABASE_OWNER_URL=postgres://glassbox_owner@db/glassbox glassbox migrate"
    )]
    Migrate,
    /// Look after updates that were refused as harmful.
    #[command(subcommand, after_help = "Example:\n  glassbox quarantine list --since 24h")]
    Quarantine(quarantine::Command),
    /// Read the text of a file on standard input, and write it as JSON: {"text", "truncated"}, or {} if it has none. What
    /// reads uploaded files runs this, for each file. It bounds itself: memory, time, and no other files.
    #[command(
        after_help = "Example:\n  glassbox extract-text --content-type application/pdf --filename report.pdf < report.pdf"
    )]
    ExtractText {
        /// What sort of file it is: its media type.
        #[arg(long, value_name = "TYPE", default_value = "application/octet-stream")]
        content_type: String,
        /// What it is called: tells the sort where the type says nothing.
        #[arg(long, value_name = "NAME", default_value = "")]
        filename: String,
    },
    /// Print the default configuration, with an explanation of each setting.
    #[command(after_help = "Example:\n  glassbox config > glassbox.toml")]
    Config,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("glassbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if matches!(arguments.command, Command::Config) {
        print!("{}", platform::config::DEFAULT_CONFIG);
        return Ok(());
    }
    // It needs no configuration, and no secret is to be where hostile files are read.
    if let Command::ExtractText { content_type, filename } = arguments.command {
        return extract_text::run(content_type, filename);
    }
    let env = |name: &str| std::env::var(name).ok();
    let mut config = Config::load(arguments.config.as_deref(), &env)?;
    platform::telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
        .context("the runtime could not be started")?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve { demo, roles } => {
                config.server.roles = roles.unwrap_or(config.server.roles);
                Box::pin(serve::serve(config, demo.then_some(serve::Demo))).await
            }
            Command::Migrate => serve::migrate(config).await,
            Command::Quarantine(command) => quarantine::run(config, command).await,
            Command::ExtractText { .. } | Command::Config => Ok(()),
        }
    })
}
