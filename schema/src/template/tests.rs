use serde_json::json;
use yrs::{ClientID, Transact};

use super::*;
use crate::canvas::{self, NewProject};
use crate::node;
use crate::patch::PatchErrorCode;

fn template(json: Value) -> Template {
    serde_json::from_value(json).unwrap()
}

fn example() -> Template {
    template(json!({
        "parameters": [{"name": "topic"}, {"name": "tone", "default": "plain"}],
        "nodes": [
            {"key": "a", "title": "About {{topic}}", "body": "In a {{ tone }} tone, {{topic}}.", "x": 10},
            {"key": "b", "title": "Part", "parent": "a", "authorType": "agent", "inputs": [
                {"label": "{{topic}}", "text": "{{not a placeholder}} {{topic}}"},
                {"source": "a"},
                {"url": "https://example.com/?q={{topic}}"}
            ]}
        ],
        "dependencies": [{"source": "a", "target": "b"}]
    }))
}

fn application(parameters: &[(&str, &str)]) -> Application {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Application { seed: Uuid::from_u128(7), origin: (100.0, 50.0), parameters, ..Application::default() }
}

#[test]
fn a_plan_fills_placeholders_once_and_shifts_what_is_on_the_canvas() {
    let plan = example().plan(&application(&[("topic", "{{tone}}s")])).unwrap();
    assert_eq!(plan.nodes[0].title, "About {{tone}}s");
    assert_eq!(plan.nodes[0].content, [NodePatch::SetBody { markdown: "In a plain tone, {{tone}}s.".to_owned() }]);
    let CanvasPatch::CreateNode { node, .. } = &plan.canvas[0] else { panic!("{plan:?}") };
    assert_eq!((node.x, node.y), (110.0, 50.0));
    let CanvasPatch::CreateNode { node, .. } = &plan.canvas[1] else { panic!("{plan:?}") };
    assert_eq!(node.parent_id, Some(plan.nodes[0].id));
    let NodePatch::AddItem { item, .. } = &plan.nodes[1].content[0] else { panic!("{plan:?}") };
    assert_eq!(item.content, ItemContent::Text { text: "{{not a placeholder}} {{tone}}s".to_owned() });
    assert_eq!(plan, example().plan(&application(&[("topic", "{{tone}}s")])).unwrap(), "ids follow from the seed");
}

#[test]
fn parameters_are_those_that_the_template_asks_for() {
    for (parameters, expected) in [
        (&[][..], "a value for topic is needed"),
        (&[("topic", "x"), ("other", "y")], "the template has no parameter other"),
        (&[("topic", &*"x".repeat(2_001))], "longer than 2000"),
    ] {
        let error = example().plan(&application(parameters)).unwrap_err();
        assert_eq!((error.code, error.field), (PatchErrorCode::Invalid, "parameters"));
        assert!(error.message.contains(expected), "{error}");
    }
}

#[test]
fn a_template_that_cannot_be_applied_is_refused_with_what_is_wrong() {
    example().check().unwrap();
    let node = |json: Value| json!({"nodes": [json]});
    for (wrong, expected) in [
        (json!({"nodes": []}), "at least one node"),
        (node(json!({"key": "", "title": "t"})), "keys are different"),
        (node(json!({"key": "a", "title": ""})), "characters"),
        (node(json!({"key": "a", "title": "{{x}}"})), "no parameter x"),
        (node(json!({"key": "a", "title": "t", "parent": "a"})), "none of the nodes before"),
        (node(json!({"key": "a", "title": "t", "inputs": [{}]})), "has one of"),
        (node(json!({"key": "a", "title": "t", "inputs": [{"text": "x", "url": "https://x.org"}]})), "has one of"),
        (node(json!({"key": "a", "title": "t", "inputs": [{"source": "b"}]})), "no node \"b\""),
        (node(json!({"key": "a", "title": "t", "inputs": [{"url": "ftp://x.org"}]})), "http"),
        (node(json!({"key": "a", "title": "t", "x": 1e9})), "needs a number"),
        (json!({"nodes": [{"key": "a", "title": "t"}], "dependencies": [{"source": "a", "target": "a"}]}), "cycle"),
        (json!({"nodes": [{"key": "a", "title": "t"}], "parameters": [{"name": "a b"}]}), "names are"),
    ] {
        let error = template(wrong.clone()).check().unwrap_err();
        assert!(error.to_string().contains(expected), "{wrong}: {error}");
    }
}

#[test]
fn a_template_of_nodes_that_are_there_makes_the_same_again() {
    let canvas = crate::new_doc(ClientID::new(1));
    let plan = example().plan(&application(&[("topic", "cats")])).unwrap();
    let begin = CanvasPatch::InitProject(NewProject { name: "P".to_owned(), ..NewProject::default() });
    let mut txn = canvas.transact_mut();
    let now = chrono::DateTime::UNIX_EPOCH;
    std::iter::once(&begin).chain(&plan.canvas).for_each(|patch| canvas::apply(patch, &mut txn, now).unwrap());
    drop(txn);
    let view = canvas::read(&canvas.transact());
    let captured = plan.nodes.iter().map(|planned| {
        let document = crate::new_doc(ClientID::new(1));
        planned.content.iter().for_each(|patch| node::apply(patch, &mut document.transact_mut()).unwrap());
        let content = node::read(&document.transact());
        Captured { id: planned.id, on_canvas: view.nodes[&planned.id].clone(), content }
    });
    let template = capture(&view, captured.rev().collect());
    template.check().unwrap();
    assert_eq!((template.nodes.len(), template.dependencies.len()), (2, 1));
    let (first, second) = (&template.nodes[0], &template.nodes[1]);
    assert_eq!((first.title.as_str(), first.x, first.y), ("About cats", 10.0, 0.0));
    assert_eq!((second.parent.as_ref(), second.inputs[1].source.as_ref()), (Some(&first.key), Some(&first.key)));
    assert!(first.body.starts_with("In a plain tone, cats."));
}
