//! Tables, which other libraries take over through the Arrow C interface.
//!
//! A table is built once, column by column; whoever takes it over (pyarrow, polars, pandas) gets the
//! same memory. The interface is that of the Arrow specification's page "The Arrow `PyCapsule` Interface".

use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowSchema, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, ListArray, RecordBatch, RecordBatchIterator, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use vclust_core::{PackageVersion, Timestamp};

use crate::error::Failure;

/// A table of named columns, which other libraries take over without copying it: `pyarrow.table(table)`,
/// `polars.from_arrow(table)`, `pandas.DataFrame.from_arrow(table)` and whatever else knows the Arrow C
/// interface.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Table(RecordBatch);

#[pymethods]
impl Table {
    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.0.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Number of rows.
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// The columns' types, as a capsule of an `ArrowSchema`.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.0.schema()).map_err(refused)?;
        PyCapsule::new(py, schema, Some(c"arrow_schema".into()))
    }

    /// All rows, as capsules of an `ArrowSchema` and an `ArrowArray`. The types are the table's own,
    /// whatever is requested.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        drop(requested_schema);
        let rows = StructArray::from(self.0.clone());
        let (array, _) = to_ffi(&rows.to_data()).map_err(refused)?;
        let array = PyCapsule::new(py, array, Some(c"arrow_array".into()))?;
        PyTuple::new(py, [self.__arrow_c_schema__(py)?, array])
    }

    /// All rows, as a capsule of an `ArrowArrayStream`. The types are the table's own, whatever is
    /// requested.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let rows = RecordBatchIterator::new([Ok(self.0.clone())], self.0.schema());
        let stream = FFI_ArrowArrayStream::new(Box::new(rows));
        PyCapsule::new(py, stream, Some(c"arrow_array_stream".into()))
    }

    fn __repr__(&self) -> String {
        format!("<Table of {} rows: {}>", self.__len__(), self.column_names().join(", "))
    }
}

fn refused(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

impl Table {
    /// A table of these columns, all of the same length. Columns with missing values have to say so.
    pub(crate) fn of(columns: Vec<Column>) -> Result<Self, Failure> {
        let field = |column: &Column| {
            Field::new(column.name, column.array.data_type().clone(), column.may_miss)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let arrays = columns.into_iter().map(|column| column.array).collect();
        let batch = RecordBatch::try_new(schema, arrays);
        Ok(Self(batch.map_err(|error| Failure::value(error.to_string()))?))
    }
}

/// A column of a table.
pub(crate) struct Column {
    name: &'static str,
    array: ArrayRef,
    may_miss: bool,
}

impl Column {
    /// A column with a value in each row.
    pub(crate) fn full(name: &'static str, array: impl Array + 'static) -> Self {
        Self { name, array: Arc::new(array), may_miss: false }
    }

    /// A column in which values may be missing.
    pub(crate) fn sparse(name: &'static str, array: impl Array + 'static) -> Self {
        Self { name, array: Arc::new(array), may_miss: true }
    }
}

/// Texts, one for each row.
pub(crate) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> StringArray {
    // the array wants to know how many there will be
    StringArray::from_iter_values(values.into_iter().collect::<Vec<_>>())
}

/// Moments, in UTC.
pub(crate) fn moments(values: impl IntoIterator<Item = Timestamp>) -> TimestampMicrosecondArray {
    let values = values.into_iter().map(Timestamp::unix_microseconds);
    TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC")
}

/// A list of texts for each row.
pub(crate) fn text_lists<'a>(rows: impl Iterator<Item = &'a [String]> + Clone) -> ListArray {
    let values = texts(rows.clone().flatten());
    let lengths = OffsetBuffer::from_lengths(rows.map(<[String]>::len));
    ListArray::new(item(DataType::Utf8), lengths, Arc::new(values), None)
}

/// A list of packages with their versions for each row.
pub(crate) fn package_lists<'a>(
    rows: impl Iterator<Item = &'a [PackageVersion]> + Clone,
) -> ListArray {
    let all = rows.clone().flatten();
    let field = |name| Field::new(name, DataType::Utf8, false);
    let fields = Fields::from(vec![field("package"), field("version")]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(texts(all.clone().map(|one| &one.package))),
        Arc::new(texts(all.map(|one| &one.version))),
    ];
    let values = StructArray::new(fields.clone(), columns, None);
    let lengths = OffsetBuffer::from_lengths(rows.map(<[PackageVersion]>::len));
    ListArray::new(item(DataType::Struct(fields)), lengths, Arc::new(values), None)
}

fn item(of: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", of, false))
}
