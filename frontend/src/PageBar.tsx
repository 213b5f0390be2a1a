import { RouteLink } from "./RouteLink.tsx";
import { shown } from "./wording.ts";

/** The top of the page: its name, and the user. */
export function PageBar({ user, onSignOut }: { user: string | undefined; onSignOut: () => void }) {
  return (
    <header className="top">
      <RouteLink to={{ folder: "", search: "", file: null }} className="brand">
        <img src="./icon.svg" alt="" width="32" height="32" />
        Private files
      </RouteLink>
      {user !== undefined && (
        <div className="user">
          <span dir="auto">{shown(user)}</span>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}
