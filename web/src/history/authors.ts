import type { Author, Authors } from "../api/history";

/** Colours by which authors are told apart in a text; each reads on both grounds. */
const HUES = [255, 145, 45, 310, 85, 195, 350, 115] as const;

export interface AuthorLook {
  principal: string;
  name: string;
  /** Of its mark. */
  solid: string;
  /** Behind its text. */
  soft: string;
}

const NAMELESS: Record<string, string> = {
  agent: "An agent",
  api_key: "An API key",
  system: "The server",
};

/** What programs are, since they have names that could be those of people. */
const PROGRAMS: Record<string, string> = { agent: "agent", api_key: "API key" };

/** What to call somebody who acted. */
export function nameOf(author: Author | undefined): string {
  if (!author) return "Somebody";
  if (author.name === null) return NAMELESS[author.kind] ?? "Somebody";
  const program = PROGRAMS[author.kind];
  return program ? `${author.name} (${program})` : author.name;
}

/**
 * How each author looks. Of those that are known here no two look the same, as far as there are colours; and those of the
 * first list look as they do without the others.
 */
export function looksOf(...known: Authors[]): (principal: string) => AuthorLook {
  const authors: Authors = Object.assign({}, ...known.toReversed());
  const principals = [...new Set(known.flatMap((list) => Object.keys(list).sort()))];
  return (principal) => {
    const index = principals.indexOf(principal);
    const hue = HUES[(index < 0 ? 0 : index) % HUES.length];
    return {
      principal,
      name: nameOf(authors[principal]),
      solid: `light-dark(oklch(52% 0.16 ${hue}), oklch(76% 0.13 ${hue}))`,
      soft: `light-dark(oklch(93% 0.05 ${hue}), oklch(34% 0.07 ${hue}))`,
    };
  };
}
