//! Taking and giving back the locks of nodes (SPEC G26, G27).

use std::sync::Arc;

use chrono::SecondsFormat;
use documents::Documents;
use platform::access::Access;
use platform::auth::Principal;
use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::locks::{Lock, Taking, Waiting};
use schema::ids::DocumentName;
use web_protocol::control::{Cause, HeldLock, LockHolder, Reply};

use crate::server::Shared;

/// What a client wants of a node's lock.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    /// To have it.
    Take(Waiting),
    /// To give it back.
    Release,
}

/// Does what a client wants of a lock, and says what it is to be told.
pub(super) async fn carry_out(shared: Arc<Shared>, principal: Arc<Principal>, node: DocumentName, wish: Wish) -> Reply {
    let channel = node.to_string();
    let error = |code, message: &str, retry, lock| {
        let cause = Cause { code, message: message.to_owned(), retry };
        Reply::Error { channel: Some(channel.clone()), epoch: None, lock, cause }
    };
    let unavailable = || error("DOCUMENT_UNAVAILABLE", "locks cannot be changed now; try again", true, None);
    let granted = match shared.access_once_known(&principal, &node).await {
        Ok(Some(granted)) => granted,
        Ok(None) => return error("NOT_FOUND", "no such document, or no access to it", false, None),
        Err(_) => return unavailable(),
    };
    if granted.access < Access::Write {
        return error("READ_ONLY", "you may read this node, not lock it", false, None);
    }
    match change(&shared.documents, &granted.document, &principal, wish).await {
        Ok(Change::Taken(lock)) => Reply::LockAcquired(held(&lock)),
        Ok(Change::Released) => Reply::LockReleased { node_id: granted.document.id.to_string() },
        Ok(Change::Held(lock)) => {
            let message = format!("{} has locked this; try again once it is free", lock.name);
            error("LOCK_HELD", &message, false, Some(Box::new(held(&lock))))
        }
        Ok(Change::NotHeld) => error("LOCK_NOT_HELD", "you do not hold this node's lock", false, None),
        Err(failure) => {
            tracing::warn!(document = %granted.document.id, error = %failure, "a lock could not be changed");
            unavailable()
        }
    }
}

enum Change {
    Taken(Lock),
    Held(Lock),
    Released,
    NotHeld,
}

async fn change(
    documents: &Documents,
    node: &DocumentRef,
    principal: &Principal,
    wish: Wish,
) -> Result<Change, DbError> {
    match wish {
        Wish::Take(waiting) => Ok(match documents.take_lock(node, principal, waiting).await? {
            Taking::Taken(lock) | Taking::Renewed(lock) => Change::Taken(lock),
            Taking::Held(lock) => Change::Held(lock),
        }),
        Wish::Release => {
            let released = documents.release_lock(node, principal.reference()).await?;
            Ok(if released.is_some() { Change::Released } else { Change::NotHeld })
        }
    }
}

fn held(lock: &Lock) -> HeldLock {
    HeldLock {
        node_id: lock.node.to_string(),
        locked_by: lock.user.map_or(lock.holder.id, |user| user.as_uuid()).to_string(),
        holder: LockHolder { kind: lock.holder.kind.as_str(), id: lock.holder.id.to_string(), name: lock.name.clone() },
        fencing_token: lock.fencing_token,
        enforced: lock.is_enforced,
        expires_at: lock.expires_at.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}
