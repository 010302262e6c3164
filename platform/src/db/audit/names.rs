//! What can be done, and to what.

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of_variant])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the table and in REST. Stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What has this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == name)
            }
        }
    };
}

names! {
    /// What was done. A name, once it was written, keeps its meaning.
    Action {
        /// An organization was founded.
        OrganizationCreated => "organization.created",
        /// Its name, slug, settings or what it keeps of history was changed.
        OrganizationUpdated => "organization.updated",
        /// It was deleted, with all that it held.
        OrganizationDeleted => "organization.deleted",
        /// Somebody came to belong to it.
        MemberAdded => "organization.member_added",
        /// A member got another role.
        MemberRoleChanged => "organization.member_role_changed",
        /// A member was taken out.
        MemberRemoved => "organization.member_removed",
        /// A member went by themselves.
        MemberLeft => "organization.member_left",
        /// An address was invited.
        InvitationCreated => "invitation.created",
        /// An invitation was taken back.
        InvitationRevoked => "invitation.revoked",
        /// Somebody signed in with an invited address.
        InvitationAccepted => "invitation.accepted",
        /// A project was begun.
        ProjectCreated => "project.created",
        /// A project's properties or settings were changed through REST.
        ProjectUpdated => "project.updated",
        /// A project was put into the trash.
        ProjectDeleted => "project.deleted",
        /// A project was taken out of the trash.
        ProjectRestored => "project.restored",
        /// A project was deleted for good, out of the trash.
        ProjectErased => "project.erased",
        /// A project gave somebody a role.
        ProjectMemberAdded => "project.member_added",
        /// A project gave somebody another role.
        ProjectMemberRoleChanged => "project.member_role_changed",
        /// A project took back a role.
        ProjectMemberRemoved => "project.member_removed",
        /// An API key was made.
        ApiKeyCreated => "api_key.created",
        /// An API key was made useless.
        ApiKeyRevoked => "api_key.revoked",
        /// Another server is to be told what happens.
        WebhookCreated => "webhook.created",
        /// Where it is, of what it is told, or whether, was changed.
        WebhookUpdated => "webhook.updated",
        /// Its secret was replaced.
        WebhookSecretRotated => "webhook.secret_rotated",
        /// The server made it inactive, since nothing got through.
        WebhookDisabled => "webhook.disabled",
        /// It is told nothing any more.
        WebhookDeleted => "webhook.deleted",
        /// A free document was created.
        DocumentCreated => "document.created",
        /// It was called otherwise.
        DocumentRenamed => "document.renamed",
        /// It was put into the trash.
        DocumentDeleted => "document.deleted",
        /// It was taken out of the trash.
        DocumentRecovered => "document.recovered",
        /// It was deleted for good, out of the trash.
        DocumentErased => "document.erased",
        /// A node was put into the trash.
        NodeDeleted => "node.deleted",
        /// A node was taken out of the trash.
        NodeRestored => "node.restored",
        /// What was proposed for a node was done.
        ProposalAccepted => "node.proposal_accepted",
        /// It was refused.
        ProposalRejected => "node.proposal_rejected",
        /// A place of a document's log was given a name.
        VersionNamed => "document.version_named",
        /// It was given another one.
        VersionRenamed => "document.version_renamed",
        /// Its name was taken away.
        VersionUnnamed => "document.version_unnamed",
        /// A document was made again what it was.
        DocumentRestored => "document.restored",
        /// Something in a document was taken back.
        DocumentUndone => "document.undone",
        /// What was written and deleted again in a document was forgotten.
        DocumentPruned => "document.pruned",
        /// A node's lock was taken away from its holder.
        LockReleasedByForce => "lock.released_by_force",
        /// A file was uploaded: its bytes are there.
        FileUploaded => "file.uploaded",
        /// A file was called otherwise, or what is noted of it was changed.
        FileUpdated => "file.updated",
        /// A file was deleted.
        FileDeleted => "file.deleted",
        /// A template was made.
        TemplateCreated => "template.created",
        /// A template was changed.
        TemplateUpdated => "template.updated",
        /// A template was deleted.
        TemplateDeleted => "template.deleted",
        /// A model for agents was set up.
        ModelCreated => "model.created",
        /// Where it is, what it is called or what it costs was changed.
        ModelUpdated => "model.updated",
        /// It was deleted.
        ModelDeleted => "model.deleted",
        /// An agent was run on a node.
        ExecutionStarted => "execution.started",
        /// A run of an agent was to stop for a while.
        ExecutionPaused => "execution.paused",
        /// It was to go on.
        ExecutionResumed => "execution.resumed",
        /// What it asked was answered; where it asked for leave, that was given or refused.
        ExecutionAnswered => "execution.answered",
        /// A run of an agent was stopped for good.
        ExecutionCancelled => "execution.cancelled",
        /// A run that had failed was tried again.
        ExecutionRetried => "execution.retried",
        /// What a run had written was taken back.
        ExecutionUndone => "execution.undone",
    }
}

names! {
    /// To what it was done.
    ResourceKind {
        /// The organization itself.
        Organization => "organization",
        /// A person.
        User => "user",
        /// An invitation.
        Invitation => "invitation",
        /// A project.
        Project => "project",
        /// An API key.
        ApiKey => "api_key",
        /// A webhook.
        Webhook => "webhook",
        /// A document: a canvas, that of a node, or a free one.
        Document => "document",
        /// A node.
        Node => "node",
        /// An uploaded file.
        File => "file",
        /// A template.
        Template => "template",
        /// A model for agents.
        Model => "model",
        /// A run of an agent.
        Execution => "execution",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_dotted_and_read_as_they_are_written() {
        let names: HashSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let (kind, what) = action.as_str().split_once('.').unwrap();
            assert!(is_plain(kind) && is_plain(what), "{action:?}");
            assert_eq!(Action::from_name(action.as_str()), Some(*action));
        }
        for kind in ResourceKind::ALL {
            assert_eq!(ResourceKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(Action::from_name("organization.renamed"), None);
    }
}
