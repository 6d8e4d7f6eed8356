import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";

/** Every list that pages: what narrows it is part of its key, where it stands (first, after) is not. */
const pages = relayStylePagination(["where", "orderBy", "search"]);

export function apollo(url: string, token: string): ApolloClient {
  const authorization = `Bearer ${token}`;
  const http = new HttpLink({ uri: url, headers: { authorization } });
  const socket = createClient({ url: url.replace(/^http/, "ws"), connectionParams: { authorization } });
  const isStream = ({ operationType }: ApolloLink.Operation) => operationType === "subscription";
  const typePolicies = { Query: { fields: { customers: pages, visits: pages } }, Viewer: { merge: true } };
  return new ApolloClient({
    link: ApolloLink.split(isStream, new GraphQLWsLink(socket), http),
    cache: new InMemoryCache({ typePolicies }),
  });
}
