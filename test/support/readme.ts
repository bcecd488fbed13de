import { usageLine } from '../../jobs/command-line.ts';
import { COMMANDS } from '../../jobs/commands/table.ts';
import { describeConfig } from '../../src/config.ts';

/** The text under a heading of the second level, up to the next one; null without that heading. */
export function sectionOf(markdown: string, heading: string): string | null {
  const [, ...sections] = markdown.split(/^## /m);
  const found = sections.find((section) => section.split('\n', 1)[0]!.trim() === heading);
  return found === undefined ? null : found.slice(found.indexOf('\n') + 1);
}

/** Rows of the tables of a text whose first cell is one code span, as they are written. */
export function codeRows(text: string): readonly string[] {
  return text.split('\n').filter((line) => /^\| `[^`]+` \|/.test(line));
}

/** The content of the first cell's code span of each row. */
export function codesOf(rows: readonly string[]): readonly string[] {
  return rows.map((row) => /^\| `([^`]+)`/.exec(row)![1]!);
}

/** The rows of the README's table of variables: name, default, what it does and what it expects. */
export function configRows(): readonly string[] {
  return describeConfig().map(({ variable, fallback, description, expects }) => {
    const value = fallback === '' ? 'unset' : `\`${fallback}\``;
    return `| \`${variable}\` | ${value} | ${description}; ${expects} |`;
  });
}

/** The rows of the README's table of commands, from the table that the help is made of. */
export function commandRows(): readonly string[] {
  return COMMANDS.map(
    (command) => `| \`${usageLine(command).replace(' [options]', '').replaceAll('|', '\\|')}\` | ${command.summary} |`,
  );
}

/** A text with the rows of its table of code replaced by others. */
export function withRows(text: string, rows: readonly string[]): string {
  const found = codeRows(text);
  if (found.length === 0) return text;
  const first = text.indexOf(found[0]!);
  const last = text.lastIndexOf(found.at(-1)!) + found.at(-1)!.length;
  return text.slice(0, first) + rows.join('\n') + text.slice(last);
}

/** Fenced code blocks of some languages, in their order. */
export function codeBlocks(markdown: string, languages: readonly string[]): readonly string[] {
  const blocks = markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].filter((block) => languages.includes(block[1]!)).map((block) => block[2]!);
}

/** JSON without the `//` comments and trailing commas that a reader is given. */
export function parseJsonc(text: string): unknown {
  const withoutComments = text.replace(
    /("(?:\\.|[^"\\])*")|\/\/[^\n]*/g,
    (_, string: string | undefined) => string ?? '',
  );
  return JSON.parse(withoutComments.replace(/,(\s*[}\]])/g, '$1'));
}

/** Targets of links and pictures that are files of the project. */
export function localLinks(markdown: string): readonly string[] {
  const inline = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  const html = [...markdown.matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
  return [...inline, ...html].filter((link) => !/^(?:https?:|mailto:|#)/.test(link)).map((link) => link.split('#')[0]!);
}
