/** What the Relay program asks. relay-compiler reads this file; nobody runs it, as babel would take it apart. */
import { graphql } from "relay-runtime";

export const documents = [
  graphql`
    query programListQuery($count: Int!, $cursor: String) {
      ...programList_query @arguments(count: $count, cursor: $cursor)
    }
  `,
  graphql`
    fragment programList_query on Query
    @argumentDefinitions(count: { type: "Int", defaultValue: 4 }, cursor: { type: "String" })
    @refetchable(queryName: "programListPaginationQuery") {
      customers(first: $count, after: $cursor, orderBy: [{ field: NUMBER }])
        @connection(key: "ProgramList_customers") {
        __id
        edges {
          node {
            id
            ...programLine_customer
          }
        }
      }
    }
  `,
  graphql`
    fragment programLine_customer on Customer @refetchable(queryName: "programLineRefetchQuery") {
      id
      name
      version
      workOrders(first: 1) {
        totalCount
      }
    }
  `,
  graphql`
    mutation programCreateMutation($input: CreateCustomerInput!, $connections: [ID!]!) {
      createCustomer(input: $input) {
        customer @appendNode(connections: $connections, edgeTypeName: "CustomerEdge") {
          id
          ...programLine_customer
        }
        userErrors {
          code
          message
          path
        }
      }
    }
  `,
  graphql`
    query programOrderQuery($count: Int!) {
      workOrders(first: $count, where: { state: { eq: READY } }) {
        edges {
          node {
            id
            tasks(first: 50) @connection(key: "ProgramOrder_tasks") {
              __id
              edges {
                node {
                  id
                  name
                }
              }
            }
          }
        }
      }
    }
  `,
  graphql`
    mutation programAddTaskMutation($input: AddTaskInput!, $connections: [ID!]!) {
      addTask(input: $input) {
        task @appendNode(connections: $connections, edgeTypeName: "WorkTaskEdge") {
          id
          name
        }
        userErrors {
          code
        }
      }
    }
  `,
  graphql`
    mutation programRemoveTaskMutation($input: RemoveTaskInput!, $connections: [ID!]!) {
      removeTask(input: $input) {
        removedId @deleteEdge(connections: $connections)
        userErrors {
          code
        }
      }
    }
  `,
  graphql`
    query programVisitsQuery {
      visits(first: 50, where: { state: { in: [SCHEDULED, DISPATCHED] } }) {
        edges {
          node {
            id
            state
            assignments(first: 1, where: { isLead: { eq: true } }) {
              nodes {
                technician {
                  id
                }
              }
            }
          }
        }
      }
    }
  `,
  graphql`
    subscription programChangesSubscription($after: Cursor, $scope: ScheduleScope) {
      scheduleChanges(after: $after, scope: $scope) {
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
        }
        ... on VisitRemoved {
          visitId
        }
      }
    }
  `,
];
