import { shown } from "./wording.ts";

const KEPT_AT_THE_END = 14; // characters: an extension, and the number or date before it

type Props = { name: string; longest: number; className?: string };

/** The last part of a name, shortened in the middle if it is longer than `longest` characters; assistive technology reads it whole. */
export function FileName({ name, longest, className }: Props) {
  const whole = shown(name);
  const short = shortened(whole, longest);
  if (short === whole) return <bdi className={className}>{whole}</bdi>;
  return (
    <bdi className={className} title={whole}>
      <span className="unseen">{whole}</span>
      <span aria-hidden="true">{short}</span>
    </bdi>
  );
}

function shortened(name: string, longest: number): string {
  if (name.length <= longest) return name;
  const characters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  if (characters.length <= longest) return name;
  return `${characters.slice(0, longest - KEPT_AT_THE_END - 1).join("")}…${characters.slice(-KEPT_AT_THE_END).join("")}`;
}
