/** The shapes of the REST interface that the studio uses. */

export interface User {
  id: string;
  email: string;
  name: string;
  avatarUrl: string | null;
  color: string;
}

export interface Organization {
  id: string;
  name: string;
  slug: string;
  role: "owner" | "admin" | "member" | "guest";
  createdAt: string;
}

export type ProjectRole = "admin" | "member" | "viewer";

export interface Project {
  id: string;
  orgId: string;
  name: string;
  description: string | null;
  workflowStates: string[];
  role: ProjectRole;
  createdAt: string;
  updatedAt: string;
}

export interface ProjectMember {
  userId: string;
  email: string;
  name: string;
  role: ProjectRole;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** An RFC 9457 problem. */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  code: string;
  requestId?: string;
  errors?: { field: string; message: string }[];
}
