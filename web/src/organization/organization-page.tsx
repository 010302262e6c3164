import { useOrganization } from "../api/queries";
import type { Organization } from "../api/types";
import { followLink, ORGANIZATION_SECTIONS, type OrganizationSection, organizationPath } from "../app/router";
import { Bell } from "../notifications/bell";
import { AccountMenu } from "../projects/account-menu";
import { AppHeader } from "../ui/app-header";
import { Icon, type IconName } from "../ui/icon";
import { LoadError } from "../ui/load-error";
import { Notice } from "../ui/notice";
import { AuditSection } from "./audit-section";
import { FilesSection } from "./files-section";
import { KeysSection } from "./keys-section";
import { MembersSection } from "./members-section";
import { ModelsSection } from "./models-section";
import { SettingsSection } from "./settings-section";
import { TrashSection } from "./trash-section";
import { WebhooksSection } from "./webhooks-section";

interface Part {
  label: string;
  icon: IconName;
  /** Whether it is for owners and admins alone. */
  isForAdmins: boolean;
  Content: (props: { organization: Organization; projectId: string | null }) => React.ReactNode;
}

const PARTS: Record<OrganizationSection, Part> = {
  members: { label: "Members", icon: "people", isForAdmins: false, Content: MembersSection },
  settings: { label: "Settings", icon: "settings", isForAdmins: true, Content: SettingsSection },
  files: { label: "Files", icon: "file", isForAdmins: false, Content: FilesSection },
  models: { label: "Models", icon: "spark", isForAdmins: true, Content: ModelsSection },
  keys: { label: "API keys", icon: "key", isForAdmins: true, Content: KeysSection },
  webhooks: { label: "Webhooks", icon: "webhook", isForAdmins: true, Content: WebhooksSection },
  audit: { label: "Audit log", icon: "scroll", isForAdmins: true, Content: AuditSection },
  trash: { label: "Trash", icon: "trash", isForAdmins: false, Content: TrashSection },
};

interface PageProps {
  orgId: string;
  section: OrganizationSection;
  /** The project that the part is narrowed down to. */
  projectId: string | null;
}

/** An organization: who belongs to it, and what its admins see to. */
export default function OrganizationPage(props: PageProps) {
  const organization = useOrganization(props.orgId);
  return (
    <div className="min-h-full">
      <AppHeader title={organization.data?.name ?? "Organization"}>
        <Bell />
        <AccountMenu />
      </AppHeader>
      {organization.data ? (
        <Shell {...props} organization={organization.data} />
      ) : organization.isError ? (
        <main className="mx-auto max-w-3xl p-6">
          <LoadError
            what="The organization"
            error={organization.error}
            retry={() => void organization.refetch()}
          />
        </main>
      ) : organization.isSuccess ? (
        <main>
          <Notice
            icon="people"
            title="You do not belong to this organization"
            action={
              <a href="/" onClick={followLink} className="text-sm font-medium text-accent underline">
                Go to your projects
              </a>
            }
          >
            It does not exist, or you have not been added. Ask one of its admins.
          </Notice>
        </main>
      ) : null}
    </div>
  );
}

function Shell({ organization, section, projectId }: PageProps & { organization: Organization }) {
  const isAdmin = organization.role === "owner" || organization.role === "admin";
  const shown = ORGANIZATION_SECTIONS.filter((key) => isAdmin || !PARTS[key].isForAdmins);
  const { label, isForAdmins, Content } = PARTS[section];
  return (
    <div className="mx-auto grid max-w-5xl gap-6 px-6 py-8 max-sm:px-4 md:grid-cols-[176px_minmax(0,1fr)]">
      <title>{`${label} · ${organization.name} · GlassBox`}</title>
      <nav aria-label="Organization" className="flex gap-1 overflow-x-auto md:flex-col">
        {shown.map((key) => (
          <a
            key={key}
            href={organizationPath(organization.id, key)}
            onClick={followLink}
            aria-current={key === section ? "page" : undefined}
            className={`flex h-8 shrink-0 items-center gap-2 rounded-lg px-3 text-[13px] font-medium ${key === section ? "bg-accent-soft text-accent" : "text-muted hover:bg-hover hover:text-ink"}`}
          >
            <Icon name={PARTS[key].icon} /> {PARTS[key].label}
          </a>
        ))}
      </nav>
      <main className="grid min-w-0 content-start gap-4">
        <h1 className="text-2xl font-semibold tracking-tight">{label}</h1>
        {isForAdmins && !isAdmin ? (
          <Notice icon="lock" title="For owners and admins">
            Ask one of them if you need something of this.
          </Notice>
        ) : (
          <Content organization={organization} projectId={projectId} />
        )}
      </main>
    </div>
  );
}
