import type { MouseEvent, ReactNode } from "react";
import { hashOf, navigate, type Route } from "./route.ts";

type Props = { to: Route; className?: string; children: ReactNode };

/** A link within this page; Ctrl-click and middle-click open a new tab, as with any link. */
export function RouteLink({ to, className, children }: Props) {
  function follow(event: MouseEvent) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  }
  return (
    <a href={hashOf(to)} className={className} onClick={follow}>
      {children}
    </a>
  );
}
