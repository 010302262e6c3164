//! The model that answers when none is configured. It follows a script and says so. What it does shows what agents can do:
//! it plans, makes nodes, asks a question, adds an output and writes a result.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{Answer, Delta, Finish, Message, Request, Usage, estimate_request, estimate_tokens};

/// How often a word comes.
const WORD_EVERY: Duration = Duration::from_millis(60);
/// What it asks in every run.
const QUESTION: &str = "Who is it for?";

/// What the script says at a place.
struct Scene {
    text: String,
    tools: Vec<(&'static str, Value)>,
}

/// The answer, a word at a time.
pub(super) fn answer(request: &Request) -> Answer {
    let scene = scene(request);
    let words: Vec<String> = scene.text.split_inclusive(' ').map(str::to_owned).collect();
    let said = scene.text.len()
        + scene.tools.iter().map(|(name, arguments)| name.len() + arguments.to_string().len()).sum::<usize>();
    let usage = Usage { tokens_in: estimate_request(request), tokens_out: estimate_tokens(said), ..Usage::default() };
    let finish = if scene.tools.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    let calls = scene.tools.into_iter().enumerate().map(|(place, (name, arguments))| Delta::Tool {
        place,
        id: format!("demo-{}-{place}", results(request)),
        name: name.to_owned(),
        arguments: arguments.to_string(),
    });
    let rest: Vec<Delta> = calls.chain([Delta::Usage(usage), Delta::Finish(finish)]).collect();
    let words = stream::iter(words).then(|word| async {
        tokio::time::sleep(WORD_EVERY).await;
        Delta::Text(word)
    });
    Box::pin(words.chain(stream::iter(rest)).map(Ok))
}

/// Results of tools that have come so far tell where in the script it is.
fn results(request: &Request) -> usize {
    request.messages.iter().filter(|message| matches!(message, Message::Tool { .. })).count()
}

fn scene(request: &Request) -> Scene {
    let task = task(request);
    let has = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    if request.tools.is_empty() {
        let text = format!("1. Divide “{task}” into two parts\n2. Ask for whom it is\n3. Write the result");
        return Scene { text, tools: Vec::new() };
    }
    let last = last_answer(request);
    match results(request) {
        0 if has("create_subnode") => Scene {
            text: "I am GlassBox's demo model: no model is configured, so I follow a script. This is how an agent works here.".to_owned(),
            tools: vec![
                ("create_subnode", json!({"title": format!("Find out: {task}"), "description": "What has to be known first.", "author_type": "agent"})),
                ("create_subnode", json!({"title": format!("Review: {task}"), "description": "Somebody should look at the result.", "author_type": "human"})),
            ],
        },
        2 if has("request_human_input") => Scene {
            text: String::new(),
            tools: vec![(
                "request_human_input",
                json!({"question": QUESTION, "options": ["The team", "Customers", "Everybody"], "context": "The demo model asks this in every run."}),
            )],
        },
        3 if has("add_output") => Scene {
            text: String::new(),
            tools: vec![(
                "add_output",
                json!({"type": "structured_data", "label": "Summary", "content": {"task": task, "audience": last, "model": "demo"}}),
            )],
        },
        _ => Scene { text: result(&task, &last), tools: Vec::new() },
    }
}

fn result(task: &str, audience: &str) -> String {
    format!(
        "## Result: {task}\n\nThis was written by the **demo model** for *{audience}*. It knows nothing of the task: it shows how text \
         of an agent arrives, a few words at a time, in a document that others edit meanwhile.\n\n\
         - Type anywhere, also in this list: what you write stays yours.\n\
         - Point at a sentence to see which step wrote it, and what that cost.\n\
         - Stop the run, or undo it: what people wrote remains.\n\n\
         ### What next\n\nSet up a model for your organization, and agents do real work. Its answers come over the same way, from any \
         provider that speaks OpenAI's protocol."
    )
}

/// What the node is called, from the brief.
fn task(request: &Request) -> String {
    let brief = request.messages.iter().find_map(|message| match message {
        Message::User(text) => text.lines().next().and_then(|line| line.strip_prefix("# Task: ")),
        _ => None,
    });
    brief.filter(|title| !title.trim().is_empty()).unwrap_or("this task").trim().to_owned()
}

/// What the person answered, if one has.
fn last_answer(request: &Request) -> String {
    let mut answers = request.messages.iter().filter_map(|message| match message {
        Message::Tool { content, .. } => {
            serde_json::from_str::<Value>(content).ok()?.get("response")?.as_str().map(str::to_owned)
        }
        _ => None,
    });
    answers.next_back().unwrap_or_else(|| "whoever reads it".to_owned())
}
