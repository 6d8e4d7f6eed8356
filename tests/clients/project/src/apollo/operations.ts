/** What the program asks; graphql-code-generator makes the types of these. */
import { graphql } from "../gql/gql";

export const CUSTOMERS = graphql(`
  query CustomerPages($first: Int!, $after: String) {
    customers(first: $first, after: $after, orderBy: [{ field: NUMBER }]) {
      edges {
        cursor
        node {
          ...CustomerLine
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
export const CUSTOMER_LINE = graphql(`
  fragment CustomerLine on Customer {
    id
    version
    name
    number
  }
`);
export const CREATE = graphql(`
  mutation CreateCustomer($input: CreateCustomerInput!) {
    createCustomer(input: $input) {
      __typename
      customer {
        __typename
        ...CustomerLine
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);
export const RENAME = graphql(`
  mutation RenameCustomer($input: UpdateCustomerInput!) {
    updateCustomer(input: $input) {
      __typename
      customer {
        __typename
        ...CustomerLine
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);
export const AGAIN = graphql(`
  query CustomerAgain($id: ID!) {
    node(id: $id) {
      __typename
      id
      ...CustomerLine
    }
  }
`);
export const VISITS = graphql(`
  query DispatchedVisits {
    visits(first: 50, where: { state: { eq: DISPATCHED } }) {
      edges {
        node {
          id
          state
          planned {
            start
            end
          }
        }
      }
    }
  }
`);
export const CHANGES = graphql(`
  subscription ScheduleChanges($after: Cursor) {
    scheduleChanges(after: $after) {
      __typename
      ... on ScheduleSnapshot {
        cursor
      }
      ... on VisitProgressed {
        cursor
        visit {
          id
          state
        }
        before {
          state
        }
      }
      ... on VisitRemoved {
        cursor
        visitId
      }
      ... on ResyncRequired {
        cursor
        cause
      }
    }
  }
`);
