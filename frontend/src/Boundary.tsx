import { Component, type ReactNode } from "react";
import { TroubleBox } from "./TroubleBox.tsx";

/** Shows what to do where a bug of the page would otherwise leave it blank. */
export class Boundary extends Component<{ children: ReactNode }, { thrown?: unknown }> {
  override state: { thrown?: unknown } = {};

  static getDerivedStateFromError(thrown: unknown) {
    return { thrown };
  }

  override render() {
    if (!("thrown" in this.state)) return this.props.children;
    return (
      <main className="alone">
        <TroubleBox thrown={this.state.thrown} />
      </main>
    );
  }
}
