import { useSession } from "../api/session";
import { navigate } from "../app/router";
import { useDocumentSession } from "../documents/session";
import { Avatar } from "../ui/avatar";
import { Menu } from "../ui/menu";

/** Who I am, and the way out. */
export function AccountMenu() {
  const user = useSession()?.user;
  const documents = useDocumentSession();
  if (!user) return null;
  return (
    <Menu
      heading={
        <>
          <span className="block font-medium text-ink">{user.name}</span>
          {user.email}
        </>
      }
      items={[
        { label: "Your profile", icon: "people", onSelect: () => navigate("/me") },
        { label: "Sign out", icon: "signOut", onSelect: () => void documents.signOut() },
      ]}
      trigger={
        <button type="button" aria-label={`Account of ${user.name}`} className="rounded-full">
          <Avatar person={{ id: user.id, name: user.name, color: user.color, kind: "human" }} size={28} />
        </button>
      }
    />
  );
}
