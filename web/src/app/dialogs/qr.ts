/** QR codes, drawn as one path. */
import { html, svg, type TemplateResult } from "lit";
import { encode } from "uqr";

/** Dark on light whatever the page's colours: not every camera reads the reverse. */
export function qrCode(text: string, label: string): TemplateResult {
  const { data, size } = encode(text, { ecc: "M", border: 3 });
  let path = "";
  data.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      let width = 0;
      while (row[x + width]) {
        width++;
      }
      if (width > 0) {
        path += `M${x} ${y}h${width}v1h-${width}z`;
        x += width;
      }
    }
  });
  return html`<svg
    class="qr"
    role="img"
    aria-label=${label}
    viewBox="0 0 ${size} ${size}"
    shape-rendering="crispEdges"
  >
    ${svg`<rect width=${size} height=${size} fill="#ffffff" /><path d=${path} fill="#000000" />`}
  </svg>`;
}
