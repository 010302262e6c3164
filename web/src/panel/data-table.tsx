/** Data that reads as a table: a list of objects of which all values are plain. */
export interface TableData {
  columns: readonly string[];
  rows: readonly Readonly<Record<string, unknown>>[];
}

const COLUMNS_AT_MOST = 12;
const ROWS_AT_MOST = 500;

/** The table that some data is, if it is one. */
export function tableOf(data: unknown): TableData | null {
  if (!Array.isArray(data) || data.length === 0 || data.length > ROWS_AT_MOST) return null;
  const columns = new Set<string>();
  for (const row of data) {
    if (!isPlainRow(row)) return null;
    for (const column of Object.keys(row)) columns.add(column);
  }
  const isTable = columns.size > 0 && columns.size <= COLUMNS_AT_MOST;
  // Documents do not keep the order of members.
  return isTable ? { columns: [...columns].sort(), rows: data } : null;
}

function isPlainRow(row: unknown): row is Record<string, unknown> {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return false;
  return Object.values(row).every((value) => value === null || typeof value !== "object");
}

export function DataTable({ table: { columns, rows } }: { table: TableData }) {
  const isNumeric = (column: string) =>
    rows.every((row) => row[column] == null || typeof row[column] === "number");
  const align = new Map(
    columns.map((column) => [column, isNumeric(column) ? "text-right tabular-nums" : ""]),
  );
  return (
    <section
      aria-label="Data"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
      tabIndex={0}
      className="max-h-80 overflow-auto rounded-lg border border-line text-[13px]"
    >
      <table className="w-full border-collapse">
        <thead className="sticky top-0 bg-sunken text-left text-xs text-muted">
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" className={`px-3 py-1.5 font-medium ${align.get(column)}`}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity of their own
            <tr key={index} className="border-t border-line">
              {columns.map((column) => (
                <td key={column} className={`px-3 py-1.5 align-top break-words ${align.get(column)}`}>
                  {row[column] == null ? "" : String(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
