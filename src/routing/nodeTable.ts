// The nodes that the router knows: what control said of each, its lanes, and the candidate sets it stands in. Pure: time is an argument.

import { Candidates } from './candidates.ts';
import { type NodeRouting, unknownNode } from './nodeRouting.ts';
import { type Lane, type Route, RoutedNode } from './routedNode.ts';
import { SessionNodes } from './sessionNodes.ts';

export class NodeTable {
  readonly candidates = new Candidates();
  readonly #nodes = new Map<string, RoutedNode>();
  readonly #nodeOfIndex = new Map<number, RoutedNode>();
  readonly #sessionNodes = new SessionNodes();

  get size(): number {
    return this.#nodes.size;
  }

  get hasSessions(): boolean {
    return this.#nodeOfIndex.size > 0;
  }

  all(): MapIterator<RoutedNode> {
    return this.#nodes.values();
  }

  find(nodeId: string): RoutedNode | undefined {
    return this.#nodes.get(nodeId);
  }

  /** What control says of a node, the first time or anew. */
  describe(routing: NodeRouting, nowMs: number): void {
    const node = this.#nodeOf(routing.nodeId, nowMs);
    if (node.isPlacedAs(routing)) node.describe(routing);
    else this.#change(node, () => node.describe(routing));
  }

  /** A node that will not come back. Its lanes leave with their sessions. */
  forget(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    node.forgotten = true;
    this.#dropForgotten(node);
  }

  addLane(lane: Lane, nowMs: number): RoutedNode {
    const { index, number, nodeId } = lane.route;
    const node = this.#nodeOf(nodeId, nowMs);
    this.#change(node, () => {
      node.lanes.push(lane);
      node.lanesChanged();
    });
    this.#nodeOfIndex.set(index, node);
    this.#sessionNodes.add(number, nodeId);
    return node;
  }

  /** The node with this session; undefined when there is none. */
  withSession(index: number, number: number): RoutedNode | undefined {
    const node = this.#nodeOfIndex.get(index);
    return node?.lanes.some(({ route }) => isSession(route, index, number)) ? node : undefined;
  }

  removeLane(node: RoutedNode, index: number, number: number): void {
    const at = node.lanes.findIndex(({ route }) => isSession(route, index, number));
    if (at < 0) return;
    this.#nodeOfIndex.delete(index);
    this.#sessionNodes.remove(number);
    this.#change(node, () => {
      node.lanes.splice(at, 1);
      node.lanesChanged();
    });
    this.#dropForgotten(node);
  }

  /** To be called when the breaker of a node has changed. */
  breakerChanged(node: RoutedNode): void {
    if (node.availableNow() !== node.availability) this.#change(node, () => {});
  }

  /** What is known of the node whose session has, or had, this number; null when it is forgotten. */
  routingOf(number: number): NodeRouting | null {
    const nodeId = this.#sessionNodes.nodeOf(number);
    return nodeId === null ? null : (this.#nodes.get(nodeId)?.routing ?? null);
  }

  #nodeOf(nodeId: string, nowMs: number): RoutedNode {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = new RoutedNode(unknownNode(nodeId), nowMs);
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  /** A change that may move the node between candidate sets, or within them. */
  #change(node: RoutedNode, change: () => void): void {
    if (node.lanes.length > 0) this.candidates.remove(node);
    change();
    node.availability = node.availableNow();
    if (node.lanes.length > 0) this.candidates.add(node);
  }

  #dropForgotten(node: RoutedNode): void {
    if (node.forgotten && node.lanes.length === 0) this.#nodes.delete(node.id);
  }
}

function isSession(route: Route, index: number, number: number): boolean {
  return route.index === index && route.number === number;
}
