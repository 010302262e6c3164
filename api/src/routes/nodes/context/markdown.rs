//! A context as one Markdown document.

use std::fmt::Write as _;

use super::{Context, ContextItem, RelatedNode};

/// The document. What nodes say stands in it as it is.
pub(super) fn document(context: &Context) -> String {
    let node = &context.node;
    let mut text = format!("# {}\n\n- id: {}\n- status: {}\n", line(&node.title), node.id, line(&node.status));
    if !node.tags.is_empty() {
        let tags: Vec<String> = node.tags.iter().map(|tag| line(tag)).collect();
        add(&mut text, format_args!("- tags: {}\n", tags.join(", ")));
    }
    if let Some(priority) = &node.priority {
        add(&mut text, format_args!("- priority: {}\n", line(priority)));
    }
    if let Some(due_date) = &node.due_date {
        add(&mut text, format_args!("- due: {}\n", line(due_date)));
    }
    if !node.body.is_empty() {
        add(&mut text, format_args!("\n## Body\n\n{}\n", node.body.trim_end()));
    }
    add_items(&mut text, "Inputs", &context.inputs);
    add_items(&mut text, "Outputs", &context.outputs);
    add_nodes(&mut text, "Inside, from the outermost", &context.parents);
    add_nodes(&mut text, "Beside it", &context.siblings);
    add_nodes(&mut text, "Inside it", &context.children);
    add_nodes(&mut text, "Takes from", &context.dependencies);
    add_nodes(&mut text, "Is taken from by", &context.dependents);
    if context.truncated {
        text.push_str("\n---\n\nThis is not all: texts that end with … were cut, or nodes were left out.\n");
    }
    text
}

fn add_items(text: &mut String, heading: &str, items: &[ContextItem]) {
    if items.is_empty() {
        return;
    }
    add(text, format_args!("\n## {heading}\n"));
    for item in items {
        let label = item.label.as_deref().filter(|label| !label.is_empty());
        let file = item.file.as_ref().map(|file| file.filename.as_str());
        let source = item.source_node.as_ref().map(|node| node.title.as_str());
        let name = label.or(file).or(source).unwrap_or("without a name");
        add(text, format_args!("\n### {} - {} {}\n", line(name), line(&item.r#type), item.id));
        if let Some(file) = &item.file {
            add(text, format_args!("\nFile: {} ({})\n", line(&file.filename), line(&file.content_type)));
        }
        if let Some(node) = &item.source_node {
            let version = node.version.map(|version| format!(", version {version}")).unwrap_or_default();
            add(text, format_args!("\nNode: {} ({}, {}{version})\n", line(&node.title), node.id, line(&node.status)));
        }
        if let Some(url) = &item.url {
            add(text, format_args!("\nAddress: {}\n", line(url)));
        }
        if let Some(said) = item.text.as_deref().filter(|said| !said.is_empty()) {
            add(text, format_args!("\n{}\n", said.trim_end()));
        }
    }
}

fn add_nodes(text: &mut String, heading: &str, nodes: &[RelatedNode]) {
    if nodes.is_empty() {
        return;
    }
    add(text, format_args!("\n## {heading}\n\n"));
    for node in nodes {
        add(text, format_args!("- **{}** ({}, {})", line(&node.title), line(&node.status), node.id));
        let excerpt = line(&node.excerpt);
        let colon = if excerpt.is_empty() { "" } else { ": " };
        add(text, format_args!("{colon}{excerpt}\n"));
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = text.write_fmt(more);
}

/// A text on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use schema::ids::{NodeId, ProjectId};
    use uuid::Uuid;

    use super::super::{AuthorTypeBody, ContextNode};
    use super::*;

    #[test]
    fn what_there_is_has_a_section_and_nothing_else() {
        let id = NodeId::new(Uuid::nil());
        let node = ContextNode {
            id,
            project_id: ProjectId::new(Uuid::nil()),
            title: "Twelve\ninterviews".to_owned(),
            status: "todo".to_owned(),
            author_type: AuthorTypeBody::Human,
            tags: vec!["a".to_owned(), "b".to_owned()],
            priority: None,
            due_date: None,
            body: "Walk along.\n".to_owned(),
        };
        let child = RelatedNode { id, title: "One".into(), status: "done".into(), excerpt: "It\n\nwent well.".into() };
        let context = Context {
            node,
            inputs: Vec::new(),
            outputs: Vec::new(),
            parents: Vec::new(),
            siblings: Vec::new(),
            children: vec![child],
            dependencies: Vec::new(),
            dependents: Vec::new(),
            truncated: false,
        };
        let expected = format!(
            "# Twelve interviews\n\n- id: {id}\n- status: todo\n- tags: a, b\n\n## Body\n\nWalk along.\n\n## Inside it\n\n\
             - **One** (done, {id}): It went well.\n"
        );
        assert_eq!(document(&context), expected);
    }
}
