import type { ComponentProps } from "react";

/** A cell of a row. The row has the focus, or what is in the cell, but never the cell. */
export function Cell(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useFocusableInteractive: see above
  return <div role="gridcell" {...props} />;
}
