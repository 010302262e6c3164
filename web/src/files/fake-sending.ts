/** Stands in for `XMLHttpRequest` in tests: what a page sends is kept, and answered when the test says so. */
export class FakeSending {
  static sent: FakeSending[] = [];
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null };
  readonly headers: Record<string, string> = {};
  url = "";
  status = 0;
  body: unknown = null;
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  onloadend: (() => void) | null = null;

  open(method: string, url: string): void {
    this.url = `${method} ${url}`;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  send(body: unknown): void {
    this.body = body;
    FakeSending.sent.push(this);
  }

  abort(): void {
    this.onabort?.();
    this.onloadend?.();
  }

  /** The store answers. */
  answer(status: number): void {
    this.status = status;
    this.onload?.();
    this.onloadend?.();
  }

  /** The connection is lost. */
  lose(): void {
    this.onerror?.();
    this.onloadend?.();
  }
}
