/** The map: the streets of our own road graph on a plain ground, with no tile from anywhere. */

import * as L from "/leaflet/leaflet-src.esm.js";

const STREET = { color: "#c9cdd2", weight: 1.5, interactive: false };

/** A map in an element, showing all streets; its promise `ready` is kept once they are drawn. */
export function streetMap(holder) {
  const map = L.map(holder, { preferCanvas: true, zoomSnap: 0.25, attributionControl: false });
  L.control
    .attribution({ prefix: false })
    .addAttribution("© OpenStreetMap contributors")
    .addTo(map);
  map.setView([60.17, 24.94], 14);
  map.ready = draw(map);
  new ResizeObserver(() => map.invalidateSize()).observe(holder);
  return map;
}

async function draw(map) {
  const response = await fetch("/pages/streets.json");
  if (!response.ok) return;
  const { lines } = await response.json();
  if (!lines.length) return;
  const turned = lines.map((line) => line.map(([longitude, latitude]) => [latitude, longitude]));
  const streets = L.polyline(turned, STREET).addTo(map);
  map.fitBounds(streets.getBounds(), { padding: [4, 4], animate: false });
}

/** [latitude, longitude], as the map wants it, of a GeoJSON point. */
export function place(point) {
  return [point.coordinates[1], point.coordinates[0]];
}

export { L };
