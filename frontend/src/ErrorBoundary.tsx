import { Component, type ReactNode } from "react";
import { ErrorMessage } from "./ErrorMessage.tsx";

/** Shows an error instead of a blank page if rendering fails. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { thrown?: unknown }> {
  override state: { thrown?: unknown } = {};

  static getDerivedStateFromError(thrown: unknown) {
    return { thrown };
  }

  override render() {
    if (!("thrown" in this.state)) return this.props.children;
    return (
      <main className="alone">
        <ErrorMessage thrown={this.state.thrown} />
      </main>
    );
  }
}
