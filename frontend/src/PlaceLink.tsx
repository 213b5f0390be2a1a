import type { MouseEvent, ReactNode } from "react";
import { go, hashOf, type Place } from "./place.ts";

type Props = { to: Place; className?: string; children: ReactNode };

/** A link to a place of this page; with Ctrl or the middle button it opens a tab, as any link does. */
export function PlaceLink({ to, className, children }: Props) {
  function follow(event: MouseEvent) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  }
  return (
    <a href={hashOf(to)} className={className} onClick={follow}>
      {children}
    </a>
  );
}
