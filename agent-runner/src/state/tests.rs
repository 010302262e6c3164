use chrono::DateTime;
use platform::executions::Answer;

use super::*;
use crate::model::Usage;
use crate::tools::Policies;

/// A run without a plan, of which an answer is under way.
fn answering() -> State {
    let pinned = Pinned {
        system: "You are an agent.".to_owned(),
        tools: Vec::new(),
        policies: Policies::default(),
        models: vec![ModelSpec::demo()],
        month_limit: None,
    };
    let (brief, title) = ("The task".to_owned(), "The sea".to_owned());
    let reservation = Reservation::new(1_000, DateTime::UNIX_EPOCH);
    let entries = [
        Entry::Began(Box::new(pinned)),
        Entry::Analyzed { brief, inputs: 0, title, epochs: [1, 1] },
        Entry::CallBegun { phase: Phase::Execute, model: 0, reservation },
    ];
    let mut state = State::new(ExecuteOptions { plan: false, ..ExecuteOptions::default() });
    for entry in &entries {
        state.apply(entry);
    }
    state
}

fn call_ended(text: &str, tool_calls: Vec<ToolCall>, finish: Finish) -> Entry {
    Entry::CallEnded {
        text: text.to_owned(),
        tool_calls,
        finish,
        usage: Usage::default(),
        duration_ms: 0,
        delivered: 0,
    }
}

fn question() -> Question {
    Question {
        id: Uuid::nil(),
        question: "Which sea?".to_owned(),
        options: Vec::new(),
        context: None,
        approval: false,
        asked_at: DateTime::UNIX_EPOCH,
        expires_at: None,
        default: None,
    }
}

/// What the model is told behind what it is always told.
fn talk(state: &State) -> Vec<Message> {
    state.messages(Phase::Execute).split_off(3)
}

#[test]
fn an_answer_that_was_cut_off_is_to_go_on() {
    let mut state = answering();
    state.apply(&call_ended("The sea is", Vec::new(), Finish::Length));
    let said = Message::Assistant { text: "The sea is".to_owned(), tool_calls: Vec::new() };
    assert_eq!(talk(&state), [said, Message::User(prompt::GO_ON.to_owned())]);
    assert_eq!(state.next(), Next::Call(Phase::Execute));
}

#[test]
fn nothing_stands_between_a_call_of_a_tool_that_was_cut_off_and_its_result() {
    let mut state = answering();
    let (id, name, arguments) = ("call_1".to_owned(), "edit_body".to_owned(), r#"{"markdown": "The"#.to_owned());
    let call = ToolCall { id: id.clone(), name, arguments };
    state.apply(&call_ended("I write.", vec![call.clone()], Finish::Length));
    assert_eq!(state.next(), Next::Tool(call.clone()));
    let outcome = Outcome::Failed { code: "INVALID_ARGUMENTS".to_owned(), message: "not JSON".to_owned() };
    state.apply(&Entry::ToolEnded { call_id: id.clone(), outcome, duration_ms: 0, delivered: 0, granted: 0 });
    let [Message::Assistant { tool_calls, .. }, Message::Tool { call_id, .. }] = &talk(&state)[..] else {
        panic!("{:?}", talk(&state))
    };
    assert_eq!((tool_calls, call_id), (&vec![call], &id));
    assert_eq!(state.next(), Next::Call(Phase::Execute));
}

#[test]
fn a_run_that_is_over_asks_nothing_any_more() {
    let mut state = answering();
    state.apply(&Entry::Asked(question()));
    assert_eq!(state.next(), Next::Wait);
    state.apply(&Entry::ended(Ended::Cancelled));
    assert_eq!((state.next(), state.question), (Next::Over, None));
}

#[test]
fn a_run_that_was_paused_while_it_asks_asks_on() {
    let mut state = answering();
    state.apply(&Entry::Asked(question()));
    state.apply(&Entry::Paused { usage: Usage::default() });
    assert_eq!((state.next(), state.status()), (Next::Resume, Status::Paused));
    state.apply(&Entry::Resumed);
    assert_eq!((state.next(), state.status()), (Next::Wait, Status::AwaitingInput));
    let answer = Answer { question_id: Uuid::nil(), response: "The Baltic".to_owned(), user_id: None };
    state.apply(&Entry::Answered(answer));
    assert_eq!(state.status(), Status::Running);
}
