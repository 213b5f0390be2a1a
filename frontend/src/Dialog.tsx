import { type ReactNode, type RefObject, useId, useLayoutEffect, useRef } from "react";

type Props = { title: string; onClose: () => void; children: ReactNode };

/** Return a ref for a `<dialog>` that is modal as long as it is on the page. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  // Closing the dialog before it is removed returns the focus to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => {
      // Its `close` event comes later, and is not one of the user.
      element?.addEventListener("close", (event) => event.stopImmediatePropagation(), { capture: true, once: true });
      element?.close();
    };
  }, []);
  return dialog;
}

/** A modal dialog. Escape closes it, and the focus returns to where it was. */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useModal();
  const heading = useId();
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={heading}
      onClose={(event) => !event.currentTarget.open && event.target === event.currentTarget && onClose()}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}
