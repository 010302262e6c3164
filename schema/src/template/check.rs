//! What a template must be to be kept.

use std::collections::BTreeSet;

use chrono::DateTime;
use uuid::Uuid;
use yrs::{ClientID, Transact};

use super::{
    Application, TEMPLATE_BYTES_MAX, TEMPLATE_DEPENDENCIES_MAX, TEMPLATE_ITEMS_MAX, TEMPLATE_NODES_MAX,
    TEMPLATE_PARAMETERS_MAX, TEMPLATE_WORD_CHARS_MAX, Template, TemplateNode, fill,
};
use crate::canvas::{self, CanvasPatch, NewProject};
use crate::patch::{PatchError, PatchErrorCode};

impl Template {
    /// Whether it can be applied to an empty canvas. It is tried.
    pub fn check(&self) -> Result<(), PatchError> {
        self.check_size()?;
        self.check_words()?;
        let parameters = self.parameters.iter().map(|it| (it.name.clone(), it.default.clone().unwrap_or_default()));
        let application = Application { seed: Uuid::nil(), parameters: parameters.collect(), ..Application::default() };
        // Titles that are nothing but a placeholder are checked when somebody says what is to be there.
        let plan = self.with_titles().plan(&application)?;
        let canvas = crate::new_doc(ClientID::new(1));
        let mut txn = canvas.transact_mut();
        let begin = CanvasPatch::InitProject(NewProject { name: "Template".to_owned(), ..NewProject::default() });
        std::iter::once(&begin)
            .chain(&plan.canvas)
            .try_for_each(|patch| canvas::apply(patch, &mut txn, DateTime::UNIX_EPOCH))?;
        plan.check_contents()
    }

    fn check_size(&self) -> Result<(), PatchError> {
        let too_many = |what: &str, limit| {
            let message = format!("a template has at most {limit} {what}");
            Err(PatchError::new(PatchErrorCode::Invalid, "structure", message))
        };
        if self.nodes.is_empty() {
            return Err(PatchError::invalid("structure", "a template has at least one node"));
        }
        for (what, count, limit) in [
            ("nodes", self.nodes.len(), TEMPLATE_NODES_MAX),
            ("dependencies", self.dependencies.len(), TEMPLATE_DEPENDENCIES_MAX),
            ("parameters", self.parameters.len(), TEMPLATE_PARAMETERS_MAX),
        ] {
            if count > limit {
                return too_many(what, limit);
            }
        }
        if self.nodes.iter().any(|node| node.inputs.len().max(node.outputs.len()) > TEMPLATE_ITEMS_MAX) {
            return too_many("inputs and outputs of a node", TEMPLATE_ITEMS_MAX);
        }
        let json = serde_json::to_string(self).unwrap_or_default();
        if json.contains(r"\u0000") {
            return Err(PatchError::invalid("structure", "must not hold the character U+0000"));
        }
        if json.len() > TEMPLATE_BYTES_MAX { too_many("bytes", TEMPLATE_BYTES_MAX) } else { Ok(()) }
    }

    fn check_words(&self) -> Result<(), PatchError> {
        let invalid = |message: String| Err(PatchError::invalid("structure", message));
        let mut names = BTreeSet::new();
        for parameter in &self.parameters {
            let name = parameter.name.as_str();
            if !fill::is_name(name) || name.len() > TEMPLATE_WORD_CHARS_MAX || !names.insert(name) {
                return invalid(format!("parameter {name:?}: names are different words of letters, digits and _"));
            }
        }
        let mut keys = BTreeSet::new();
        for node in &self.nodes {
            let key = node.key.as_str();
            if let Some(parent) = node.parent.as_deref().filter(|parent| !keys.contains(parent)) {
                return invalid(format!("node {key:?}: its parent {parent:?} is none of the nodes before it"));
            }
            if !(1..=TEMPLATE_WORD_CHARS_MAX).contains(&key.chars().count()) || !keys.insert(key) {
                return invalid(format!(
                    "node {key:?}: keys are different, of 1 to {TEMPLATE_WORD_CHARS_MAX} characters"
                ));
            }
            if let Some(name) = node.texts().flat_map(fill::names).find(|name| !names.contains(name)) {
                return invalid(format!("node {key:?}: there is no parameter {name}"));
            }
        }
        let sources = self.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs));
        let referred = sources.filter_map(|item| item.source.as_deref());
        let ends = self.dependencies.iter().flat_map(|it| [it.source.as_str(), it.target.as_str()]);
        match referred.chain(ends).find(|key| !keys.contains(key)) {
            Some(key) => invalid(format!("there is no node {key:?}")),
            None => Ok(()),
        }
    }

    /// The same, with something to see in every title and link.
    fn with_titles(&self) -> Self {
        let mut template = self.clone();
        for node in &mut template.nodes {
            if fill::names(&node.title).next().is_some() {
                "Title".clone_into(&mut node.title);
            }
            for item in node.inputs.iter_mut().chain(&mut node.outputs) {
                if let Some(url) = item.url.as_mut().filter(|url| fill::names(url).next().is_some()) {
                    "https://example.com".clone_into(url);
                }
            }
        }
        template
    }
}

impl TemplateNode {
    /// All texts that may hold placeholders.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let of_items = self.inputs.iter().chain(&self.outputs);
        let of_items = of_items.flat_map(|item| [item.label.as_deref(), item.text.as_deref(), item.url.as_deref()]);
        [self.title.as_str(), self.body.as_str()].into_iter().chain(of_items.flatten())
    }
}
