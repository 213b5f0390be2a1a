import { correction, generate } from "lean-qr";
import { toSvgPath } from "lean-qr/extras/svg";
import { useMemo } from "react";

const MARGIN = 4; // modules; scanners need this much white around the code

type Props = { text: string; label: string; level?: "L" | "M" };

/** A QR code, drawn by this page. */
export function QrCode({ text, label, level = "M" }: Props) {
  const { path, size } = useMemo(() => {
    const code = generate(text, { minCorrectionLevel: correction[level] });
    return { path: toSvgPath(code), size: code.size + 2 * MARGIN };
  }, [text, level]);
  return (
    <svg
      className="qr-code"
      viewBox={`${-MARGIN} ${-MARGIN} ${size} ${size}`}
      shapeRendering="crispEdges"
      role="img"
      aria-label={label}
    >
      <rect x={-MARGIN} y={-MARGIN} width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
